"""What is to be done: the arms of an experiment, what may be set, and the frozen plan of a run."""
