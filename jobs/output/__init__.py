"""What scripts print: on disk as written, by line, in pages and in colour."""
