"""What a sweep definition means, and how a sampled value is spelt for the program that reads it.

Pure functions. Knows W&B's sweep configuration, the dialects of five systems and Hydra's grammar; must not know a
server, and of Kubernetes only what it keeps of a text. `definition` is the door: `read_definition`. Behind it are
`texts` (YAML and JSON), `reading` (the parts of a definition), the dialects `agile`, `scan` and `protein`, and
`checks`; `trials` and `wandb_config` are what comes of it. `rendering` is standard library only, since it travels
into training containers.
"""
