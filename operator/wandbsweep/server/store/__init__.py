"""What the server remembers: one file per noun, each a handful of queries over a connection that the caller holds."""
