"""Fixtures that several kinds of tests share come from modules of their own."""

pytest_plugins = ("clusters",)
