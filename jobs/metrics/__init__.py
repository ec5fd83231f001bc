"""Numbers that scripts tell about themselves, from their output and their result files (docs/metrics.md)."""
