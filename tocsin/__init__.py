"""The command line and the composition root: the one place that wires the other rooms."""
