"""When waiting jobs are likely to start: by playing the queue forward with the run times of the past."""
