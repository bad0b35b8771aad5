"""One pass over the documents: tokens go through the model into its cache."""
