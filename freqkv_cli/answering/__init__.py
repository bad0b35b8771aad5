"""Questions about what was read, answered with places."""
