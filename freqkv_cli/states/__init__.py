"""What is kept of a reading, and how it is taken up again."""
