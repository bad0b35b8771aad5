"""What is looked up again: passages of the document with their place, and how well they fit a question."""
