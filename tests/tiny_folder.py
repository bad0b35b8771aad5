"""A tiny random model with a tokenizer of bytes, as a folder that freqkv can load."""

from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from tests.tiny_models import tiny_model

SPECIAL = ("<pad>", "<s>", "</s>")


def save_tiny_model(folder: Path, *, window: int = 2048, layers: int = 2) -> str:
    """Write a llama of random weights that reads bytes, with a window of this many tokens; return its path."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate((*SPECIAL, *alphabet))}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="</s>")
    fast.save_pretrained(folder)
    model = tiny_model("llama", layers=layers, vocab_size=len(vocabulary), max_position_embeddings=window)
    model.save_pretrained(folder)
    return str(folder)
