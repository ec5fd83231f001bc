"""The pages for clusters. Admins only."""
