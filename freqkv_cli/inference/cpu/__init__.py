"""Decoding on a CPU: a few tokens at a time, in loops compiled for the processor at hand."""
