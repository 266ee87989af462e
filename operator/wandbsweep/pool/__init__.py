"""Decides: from what is there, what is wanted and the time, to what has to be done next.

Pure functions over frozen facts. Must not know a client, a logger or the current time. The controller calls it
once in each pass.
"""
