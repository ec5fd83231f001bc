"""The pages: each view is a function that looks up with rights, makes one model call and renders once."""
