"""The only place that wires: it opens the store, builds the parts, owns every task, starts and stops."""
