"""Actions on many jobs at once: what each does, and those that go on in the background."""
