"""freqkv: read documents far longer than a local language model's window, in memory that does not grow.

From Python: `freqkv_cli.read`, `load` and `summarize`; see docs/api.md.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from freqkv_cli.api import Answered, Chat, FreqkvError, Reading, Reply, Text, load, read, summarize

__version__ = "0.2.0"
__all__ = ["Answered", "Chat", "FreqkvError", "Reading", "Reply", "Text", "load", "read", "summarize"]


def __getattr__(name: str) -> Any:
    """The Python interface, imported when it is first used: torch takes seconds."""
    if name not in __all__:
        raise AttributeError(f"module 'freqkv_cli' has no attribute {name!r}")
    from freqkv_cli.native_defaults import set_native_defaults

    set_native_defaults()
    from freqkv_cli import api

    return getattr(api, name)
