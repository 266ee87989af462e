"""`method: scan`, as robomimic's ConfigGenerator has it: trials known beforehand, each with a name."""
