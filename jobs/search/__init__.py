"""The search of the history: its language, the words it knows, and where they were found."""
