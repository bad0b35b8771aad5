"""Who reads: which model, where its files are, how it is loaded, what is supported."""
