"""Kubernetes as a cluster: each attempt is a Job of one pod, in the namespace of its team."""
