"""How it reads and writes: prefill, decode and attention; the only callers of the model."""
