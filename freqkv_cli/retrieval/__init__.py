"""Passages of what was read, found again by a question."""
