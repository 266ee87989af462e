"""What a sweep definition means, and how a sampled value is spelt for the program that reads it.

Pure functions. Knows W&B's sweep configuration and Hydra's grammar; must not know Kubernetes or a server.
The rendering half is standard library only: it travels into training containers.
"""
