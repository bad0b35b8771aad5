"""How good it is: memories, answers and summaries."""
