"""How a model learns to use the filtered cache: LoRA through the same cache and the same chunks as reading."""
