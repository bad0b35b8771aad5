"""freqkv: read documents far longer than a local language model's window, in memory that does not grow."""

__version__ = "0.1.0"
