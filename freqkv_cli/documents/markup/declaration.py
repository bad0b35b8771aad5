"""Declarations: the encoding that HTML and XML name for themselves."""

import codecs
import re

from freqkv_cli.documents.encoding import codec_name
from freqkv_cli.documents.utf import byte_order_mark
from freqkv_cli.errors import UsageError

DECLARATION = re.compile(rb"""<(?:meta\b[^>]*?charset|\?xml\b[^>]*?encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.I)
# The web reads these names as their Windows supersets (WHATWG Encoding Standard, section 4.2).
WEB_NAMES = {"iso8859-1": "cp1252", "ascii": "cp1252", "iso8859-9": "cp1254"}


def declared_encoding(head: bytes) -> str | None:
    """Return the encoding that the beginning of some markup declares, None without one that Python knows."""
    if (match := DECLARATION.search(head[:4096])) is None:
        return None
    try:
        name = codecs.lookup(match[1].decode("ascii", "ignore")).name
        return codec_name(WEB_NAMES.get(name, name))
    except (LookupError, UsageError):
        return None


def decode_markup(data: bytes) -> tuple[str, bool]:
    """Return XML or HTML as text, and whether every byte fitted; those that do not become U+FFFD."""
    candidates = [byte_order_mark(data), declared_encoding(data), "utf-8"]
    for name in filter(None, candidates):
        try:
            return data.decode(name), True
        except UnicodeDecodeError:
            continue
    return data.decode("utf-8", "replace"), False
