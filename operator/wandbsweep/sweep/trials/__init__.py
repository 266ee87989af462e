"""The trials of a sweep before it runs: which there are, what W&B records of each, and what is started."""
