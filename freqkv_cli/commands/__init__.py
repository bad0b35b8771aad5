"""What the user typed: one file per command; flags become settings, a task and a display. No logic."""
