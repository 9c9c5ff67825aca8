"""The same result for people, for machines and for pull requests: one file per format."""
