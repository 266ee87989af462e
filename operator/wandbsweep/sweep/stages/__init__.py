"""Method stages: several searches of one sweep, one after another, with ranges that narrow around the best runs."""
