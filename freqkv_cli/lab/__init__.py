"""How it is measured: benchmarks that print ratios from one run."""
