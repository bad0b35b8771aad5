"""What evaluation, benchmarks and training share: the model under test, the machine, tables and plots."""
