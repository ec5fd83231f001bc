"""What a job was made of, as a capsule; and what is different between jobs (docs/metrics.md)."""
