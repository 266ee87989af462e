"""AGILE's dialect: scaled dictionaries, its training wrapper, its floats."""
