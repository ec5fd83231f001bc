"""What the runner of an attempt says and sends: the only writers of its facts."""
