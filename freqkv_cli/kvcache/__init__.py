"""The method: a cache of fixed size whose old slots are low-pass filtered when it is full."""
