"""The live process: event streams of a job's output and of what changed. Nothing here runs in the web process."""
