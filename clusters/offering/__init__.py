"""What a cluster offers, as an admin sets it up: environments and profiles, and what fits its nodes."""
