"""Matrices that stay in the blocks of their GGUF file: how blocks are laid out, and products with them on a CPU."""
