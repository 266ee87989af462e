"""Readers of a definition's parts, each from what the user wrote to what it means."""
