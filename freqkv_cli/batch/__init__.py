"""Many documents: what is to be done, who does it, and the file with what came of it."""
