"""A GGUF file of a few kilobytes: a random model with a byte-level tokenizer and SmolLM2's special tokens."""

from itertools import cycle
from pathlib import Path

import gguf
import numpy
from transformers.convert_slow_tokenizer import bytes_to_unicode

from tests.quantized.random_blocks import random_blocks

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
WIDTH, LAYERS, HEADS, KV_HEADS = 64, 2, 4, 2
TEMPLATE = "{% for message in messages %}<|im_start|>{{ message['content'] }}<|im_end|>{% endfor %}"


def write_tiny_gguf(
    path: Path,
    *,
    architecture: str = "llama",
    seed: int = 0,
    kinds: tuple[int, ...] = (),
    width: int = WIDTH,
    tied: bool = True,
) -> Path:
    """Write the file. The weights depend only on `seed`; matrices are in blocks of the given types, in turns."""
    letters = list(bytes_to_unicode().values())
    tokens = [*SPECIAL, *letters, "qz", "zq"]  # two: transformers 5.17 cannot read a list of one merge
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(512)
    writer.add_embedding_length(width)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(2 * width)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([3] * len(SPECIAL) + [1] * (len(letters) + 2))
    writer.add_token_merges(["q z", "z q"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template(TEMPLATE)
    random = numpy.random.default_rng(seed)

    turns = cycle(kinds)

    def tensor(name: str, *shape: int) -> None:
        if kinds and len(shape) == 2:
            kind = next(turns)
            blocks = random_blocks(kind, *shape, seed=int(random.integers(1 << 30)), spread=shape[1] ** -0.5)
            writer.add_tensor(name, blocks, raw_dtype=gguf.GGMLQuantizationType(kind))
        else:
            writer.add_tensor(name, random.normal(size=shape).astype(numpy.float32))

    tensor("token_embd.weight", len(tokens), width)
    tensor("output_norm.weight", width)
    if not tied:
        tensor("output.weight", len(tokens), width)
    for layer in range(LAYERS):
        for part in ("attn_norm", "ffn_norm"):
            tensor(f"blk.{layer}.{part}.weight", width)
        tensor(f"blk.{layer}.attn_q.weight", width, width)
        tensor(f"blk.{layer}.attn_output.weight", width, width)
        tensor(f"blk.{layer}.attn_k.weight", width * KV_HEADS // HEADS, width)
        tensor(f"blk.{layer}.attn_v.weight", width * KV_HEADS // HEADS, width)
        if architecture == "qwen2":
            tensor(f"blk.{layer}.attn_q.bias", width)
            tensor(f"blk.{layer}.attn_k.bias", width * KV_HEADS // HEADS)
            tensor(f"blk.{layer}.attn_v.bias", width * KV_HEADS // HEADS)
        tensor(f"blk.{layer}.ffn_gate.weight", 2 * width, width)
        tensor(f"blk.{layer}.ffn_up.weight", 2 * width, width)
        tensor(f"blk.{layer}.ffn_down.weight", width, 2 * width)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
