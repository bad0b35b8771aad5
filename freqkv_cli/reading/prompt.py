"""The text around a document: instruction before it, request after it, in the model's own chat format.

The instruction is read first and pinned among the sinks, so no compression touches it; the request comes last, on a
fork, so that one reading serves many requests. What the user and the document say is data: only the template's own
special tokens are parsed as such.
"""

from dataclasses import dataclass
from typing import Any

from jinja2.exceptions import TemplateError

from freqkv_cli.prompts import INSTRUCTION

_MARK = "\x1edocument\x1e"


@dataclass(frozen=True, slots=True)
class Prompt:
    """Token ids before the document, and the template's text between the request and the answer."""

    tokenizer: Any
    prefix: tuple[int, ...]
    closing: str

    def request(self, text: str) -> list[int]:
        """Token ids that follow the document: `text`, then the turn's end and the start of the answer."""
        return encode_text(self.tokenizer, f"\n\n{text}") + _encode_template(self.tokenizer, self.closing)


def make_prompt(tokenizer: Any, instruction: str = INSTRUCTION, opening: str = "Document:\n\n") -> Prompt:
    """Return the prompt for one document; a model without a chat template gets plain text."""
    if getattr(tokenizer, "chat_template", None):
        before, after = _render(tokenizer, instruction, opening)
    else:
        start = tokenizer.bos_token or ""
        before, after = f"{start}{instruction}\n\n{opening}", "\nAnswer:"
    return Prompt(tokenizer, tuple(_encode_template(tokenizer, before)), after)


def encode_text(tokenizer: Any, text: str) -> list[int]:
    """Token ids of plain text: `<|im_end|>` in it is nine characters, not the end of a turn."""
    ids: list[int] = tokenizer(text, add_special_tokens=False, split_special_tokens=True, verbose=False)["input_ids"]
    return ids


def _encode_template(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
    return ids


def _render(tokenizer: Any, instruction: str, opening: str) -> tuple[str, str]:
    content = opening + _MARK
    system = [{"role": "system", "content": instruction}, {"role": "user", "content": content}]
    merged = [{"role": "user", "content": f"{instruction}\n\n{content}"}]
    options = {"tokenize": False, "add_generation_prompt": True}
    try:
        text = tokenizer.apply_chat_template(system, **options)
    except TemplateError:  # Gemma and others have no system role
        text = tokenizer.apply_chat_template(merged, **options)
    before, _, after = text.partition(_MARK)
    return before, after
