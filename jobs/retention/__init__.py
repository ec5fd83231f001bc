"""How long what jobs leave is kept: rules, pins, amounts, and the deletes in the background (docs/retention.md)."""
