"""What was used, by whom, on what: counted once per job, kept as sums, shown as a report (docs/usage.md)."""
