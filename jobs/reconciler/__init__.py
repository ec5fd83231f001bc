"""Jobs on their way: which are due, the next step of each, what the clusters show, what is tidied away."""
