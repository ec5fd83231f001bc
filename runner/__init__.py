"""What runs beside the script, in a pod or on this machine: standard library only."""
