"""Text without an end: a log or a pipe that is read as it comes, into a state that can be asked at any moment."""
