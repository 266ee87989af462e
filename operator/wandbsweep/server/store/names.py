"""Short ids, such as users see for sweeps and runs."""

import secrets
import string

_LETTERS = string.ascii_lowercase + string.digits
_LENGTH = 8


def new_name() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
