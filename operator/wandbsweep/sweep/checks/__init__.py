"""Checks that look at more than one part: a command with its parameters, an object with its definition, whole files."""
