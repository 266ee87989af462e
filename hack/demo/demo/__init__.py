"""The demo, step by step. It calls the same commands that a user would, and shows them."""
