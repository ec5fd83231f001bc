"""Pure rules for what a user uploads: paths, limits, archives, the entry file and the streams back out."""
