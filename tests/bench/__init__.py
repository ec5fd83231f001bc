"""`make bench`: measures the whole portal, prints a table, writes bench-results/. No test: nothing fails here."""
