"""How fast it is: benchmarks that print ratios from one run."""
