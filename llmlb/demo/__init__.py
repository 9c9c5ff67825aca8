"""The whole story on one machine: a router, three engines and their agents as real processes."""
