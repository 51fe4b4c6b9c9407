"""One authenticated call, with what the strict layer's own operations need to answer it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.iam.models import IAMBackend

from workflows.sandbox.strict.codes import Codes
from workflows.sandbox.strict.directory import Directory
from workflows.sandbox.strict.identity import Identity, account
from workflows.sandbox.strict.passwords import Passwords
from workflows.sandbox.strict.region_settings import RegionSettings
from workflows.sandbox.strict.request import AwsRequest
from workflows.sandbox.strict.sessions import Sessions


@dataclass(frozen=True)
class State:
    """What the strict layer knows beside moto."""

    directory: Directory
    sessions: Sessions
    codes: Codes
    passwords: Passwords
    regions: RegionSettings


@dataclass(frozen=True)
class Call:
    """A call by somebody who is known, at a time (seconds since the epoch)."""

    identity: Identity
    request: AwsRequest
    state: State
    now: float

    @property
    def backend(self) -> IAMBackend:
        """Moto's IAM of the caller's account."""
        return account(self.identity.account_id)

    def text(self, name: str) -> str:
        """A parameter, "" if it was not given."""
        return self.request.text(name)


Operation = Callable[[Call], dict[str, Any] | None]
"""Answers a call, or checks it and gives None: then moto answers it."""
