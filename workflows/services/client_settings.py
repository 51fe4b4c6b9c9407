"""How AWS clients wait and what they say of themselves: the settings that every client shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Patience:
    """How many seconds a client waits for a connection and for an answer, and how often it tries in all."""

    connect: float = 5
    read: float = 20
    attempts: int = 3


USUAL = Patience()
USUAL_REGION = "us-east-1"
"""Where nothing tells a region: every account has this one, and nobody can switch it off."""


def client_config(endpoint_url: str | None, patience: Patience) -> Any:
    """A botocore `Config` for clients of this endpoint (None is AWS itself)."""
    from botocore.config import Config  # noqa: PLC0415 - boto is slow to import

    loopback = endpoint_url is not None and urlsplit(endpoint_url).hostname in {"127.0.0.1", "localhost"}
    return Config(
        connect_timeout=patience.connect,
        read_timeout=patience.read,
        retries={"mode": "standard", "total_max_attempts": patience.attempts},
        user_agent_extra="iam-onboard",
        proxies={} if loopback else None,  # a proxy cannot reach this computer's own loopback
    )
