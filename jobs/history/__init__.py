"""The list of jobs: filters, pages, counts."""
