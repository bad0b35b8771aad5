"""What it is for: summaries and answers, as generators of events."""
