"""From a form that nobody has sent yet to a job: what was typed and uploaded, judged, kept, made into one job."""
