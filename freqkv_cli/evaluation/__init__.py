"""How good it is: perplexity, recall, answers and summaries, each policy on the same text."""
