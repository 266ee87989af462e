"""`wandbsweep operator`: run the operator against the cluster of the pod's service account or of the kubeconfig."""

from __future__ import annotations

import asyncio
import re
import sys

import click


@click.command()
@click.option(
    "--namespace",
    "namespaces",
    multiple=True,
    envvar="WANDBSWEEP_NAMESPACES",
    help="Watch this namespace only; can be repeated. Default: all namespaces.",
)
@click.option(
    "--wandb-base-url",
    envvar="WANDBSWEEP_WANDB_BASE_URL",
    default="https://api.wandb.ai",
    show_default=True,
    help="W&B server of sweeps that name none in spec.wandb.baseURL.",
)
@click.option(
    "--wandb-app-url",
    envvar="WANDBSWEEP_WANDB_APP_URL",
    help="Address at which people reach that server, for the links in agents' logs, where it differs.",
)
@click.option(
    "--runtime-image",
    envvar="WANDBSWEEP_RUNTIME_IMAGE",
    required=True,
    help="Image that holds this package: searches run in it, and it brings the agent runtime into agent pods.",
)
@click.option(
    "--agent-runtime-image",
    envvar="WANDBSWEEP_AGENT_RUNTIME_IMAGE",
    help="Smaller image that brings the agent runtime into agent pods. Default: the runtime image.",
)
@click.option(
    "--runtime-image-pull-policy",
    envvar="WANDBSWEEP_RUNTIME_IMAGE_PULL_POLICY",
    type=click.Choice(["Always", "IfNotPresent", "Never"]),
    default="IfNotPresent",
    show_default=True,
    help="imagePullPolicy of these images in agent and search pods.",
)
@click.option(
    "--http-address",
    envvar="WANDBSWEEP_HTTP_ADDRESS",
    default="0.0.0.0:8080",
    show_default=True,
    help="host:port on which /healthz and /metrics are served.",
)
@click.option(
    "--lease",
    envvar="WANDBSWEEP_LEASE",
    metavar="NAMESPACE/NAME",
    help="Act only while holding this Lease, so that several operators can run. Default: act at once, alone.",
)
@click.option(
    "--log-level",
    envvar="WANDBSWEEP_LOG_LEVEL",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="How much is logged.",
)
@click.option(
    "--log-format",
    envvar="WANDBSWEEP_LOG_FORMAT",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="One line of text, or one JSON object, for each message.",
)
def operator(  # noqa: PLR0917 - click passes options by name
    namespaces: tuple[str, ...],
    wandb_base_url: str,
    wandb_app_url: str | None,
    runtime_image: str,
    agent_runtime_image: str | None,
    runtime_image_pull_policy: str,
    http_address: str,
    lease: str | None,
    log_level: str,
    log_format: str,
) -> None:
    """Run the operator until it is told to stop."""
    if sys.version_info < (3, 11):
        raise click.ClickException("the operator needs Python 3.11 or newer (kopf does)")
    try:
        import kopf  # noqa: PLC0415 - as below

        from wandbsweep.controller import logs  # noqa: PLC0415 - kopf and wandb load only for this command
        from wandbsweep.controller.kube_api import KubeError  # noqa: PLC0415 - see above
        from wandbsweep.controller.leadership import (  # noqa: PLC0415 - see above
            LeadershipLostError,
            LeaseName,
        )
        from wandbsweep.controller.operator import OperatorSettings, run  # noqa: PLC0415 - see above
        from wandbsweep.pool.jobs import Runtime  # noqa: PLC0415 - see above
    except ImportError as error:
        remedy = "install what the operator needs: pip install 'wandbsweep[operator]'"
        raise click.ClickException(f"{error}; {remedy}") from None
    _check_address(http_address)
    _check_base_url(wandb_base_url)
    try:
        lease_name = LeaseName.parse(lease) if lease else None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--lease") from None
    logs.configure(log_level, log_format)
    runtime = Runtime(runtime_image, runtime_image_pull_policy, wandb_base_url, wandb_app_url, agent_runtime_image)
    try:
        asyncio.run(run(OperatorSettings(runtime, tuple(namespaces), http_address, lease_name)))
    except (KubeError, kopf.LoginError, LeadershipLostError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"--http-address {http_address}: {error.strerror or error}") from error


def _check_base_url(url: str) -> None:
    """It stands in every Job, and in messages, so that no password may be in it; and none is shown here."""
    from wandbsweep.api.spec import BASE_URL  # noqa: PLC0415 - pydantic loads only for this command

    if not re.fullmatch(BASE_URL, url):
        raise click.BadParameter(
            "must be the address of a W&B server, such as https://api.wandb.ai: no user, password, query or fragment",
            param_hint="--wandb-base-url",
        )


def _check_address(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise click.BadParameter(f"{address!r} is not host:port, such as 0.0.0.0:8080", param_hint="--http-address")
