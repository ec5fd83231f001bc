"""What the portal costs on a Kubernetes cluster, beside a client that does the least: `make bench-kubernetes`."""
