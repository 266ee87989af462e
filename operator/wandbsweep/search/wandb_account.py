"""Where wandb would talk to, and with its key: from the environment, or as `wandb login` left it."""

from __future__ import annotations

from wandb.errors import AuthenticationError, UsageError
from wandb.sdk import wandb_setup
from wandb.sdk.lib import wbauth

from wandbsweep.agent.exit_codes import SearchExit
from wandbsweep.search.ending import EndedError
from wandbsweep.tracking.protocol import Account


def wandb_account() -> Account:
    """The account of this process. Raises EndedError where there is no usable key."""
    base_url = str(wandb_setup.singleton().settings.base_url)
    try:
        key = wbauth.authenticate_session(host=base_url, source="wandbsweep search", no_offline=True, prompt=False)
    except (AuthenticationError, UsageError) as error:
        raise EndedError(SearchExit.UNREACHABLE, f"the API key for {base_url} cannot be used: {error}") from error
    if not isinstance(key, wbauth.AuthApiKey):
        raise EndedError(
            SearchExit.UNREACHABLE, f"there is no API key for {base_url}: set WANDB_API_KEY, or use `wandb login`"
        )
    return Account(base_url, key.api_key)
