"""Quotas as people see and set them: gauges, the editor, and what a change would do."""
