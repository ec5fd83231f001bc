"""How an admin connects a cluster: what is asked, what is kept of it until it is right, and how it becomes a row."""
