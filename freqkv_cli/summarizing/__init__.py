"""Notes taken while reading, and the summary made of them."""
