"""Pages for people: what the server knows of sweeps and runs, read-only, rendered here, readable on a phone.

The browser asks for the key as a password (user `api`), which is the only credential that this server knows. Pages
show what runs sent, so every value is escaped by the templates and no page may run a script.
"""
