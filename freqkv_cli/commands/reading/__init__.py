"""Commands built on reading: up to a place, many documents, for ever, and for other programs."""
