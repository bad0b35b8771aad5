"""Weights that stay in their GGUF file: where each lies, and a model made of them."""
