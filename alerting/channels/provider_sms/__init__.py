"""Short messages by providers: they send the templates that they have approved, and nothing else."""
