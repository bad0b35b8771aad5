"""What a full cache does with its old slots: one small file per policy."""
