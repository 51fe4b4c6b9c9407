"""A strict AWS on loopback with one new user, for steps that use the real clients."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.fakes import fake_environment
from support.message_samples import identity
from support.pgp import ENVIRONMENT
from support.strict_aws import (
    APPS,
    ASSUME_DEVOPS,
    SECURITY,
    SELF_MANAGEMENT,
    TRUST_WITH_MFA,
    StrictWorld,
    code,
)

from workflows.environment import Environment
from workflows.messages.handoff import Handoff, Identity, RoleProfile
from workflows.sandbox.sandbox import free_port
from workflows.sandbox.server import Gate, listen
from workflows.steps.shared.module import Context, Progress

ITEM = "security"
BASE = "bb-security"
ROLE = "bb-apps-devstg-devops"


def jane(**changes: Any) -> Identity:
    """Return the identity of jane.doe in the security account, with one role."""
    profiles = (RoleProfile(ROLE, "DevOps", "apps-devstg", APPS),)
    return identity(**{"account_id": SECURITY, "profiles": profiles, **changes})


@dataclass
class NewUserAws:
    """AWS for a new user, and the environment of the user's steps."""

    aws: StrictWorld
    environment: Environment
    folder: Path
    identities: tuple[Identity, ...] = field(default_factory=lambda: (jane(),))
    progress: list[Progress] = field(default_factory=list)
    item: str = ITEM

    def context(self, facts: Mapping[str, Any] | None = None, **every: Any) -> Context:
        handoff = Handoff("bb", self.identities)
        known = {
            "project": "bb",
            "user": "jane.doe",
            "handoff": handoff.payload(),
            "identities": [entry.account_name for entry in self.identities],
            "signed_in": {"at": "2026-01-01T00:00:00+00:00", "proof": "said so"},
            **(facts or {}),
        }
        scoped = {f"{name}@{self.item}": value for name, value in every.items()}
        return Context(
            environment=self.environment,
            facts={**known, **every},
            every=scoped,
            item=self.item,
            folder=self.folder,
        )

    def report(self, progress: Progress) -> None:
        self.progress.append(progress)

    def code(self, seed: str, steps: int = 0) -> str:
        return code(self.aws, seed, steps)

    def keys(self) -> list[str]:
        listed = self.aws.administrator("iam").list_access_keys(UserName="jane.doe")["AccessKeyMetadata"]
        return [key["AccessKeyId"] for key in listed]

    def csv(self, key: Mapping[str, Any], name: str = "jane.doe_accessKeys.csv") -> Path:
        self.environment.downloads.mkdir(exist_ok=True)
        path = self.environment.downloads / name
        path.write_text(f"Access key ID,Secret access key\n{key['AccessKeyId']},{key['SecretAccessKey']}\n")
        return path


@contextmanager
def served(tmp_path: Path, **changes: Any) -> Iterator[NewUserAws]:
    """Yield AWS on loopback with the role DevOps; `changes` replaces attributes of the environment."""
    aws = StrictWorld()
    aws.administrator("iam", APPS).create_role(RoleName="DevOps", AssumeRolePolicyDocument=TRUST_WITH_MFA)
    port = free_port()
    server = listen(port, Gate(aws.strict))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    home = tmp_path / "person"
    home.mkdir(exist_ok=True)
    parts = {
        "endpoint_url": f"http://127.0.0.1:{port}",
        "now": lambda: datetime.fromtimestamp(aws.now(), UTC),
        **changes,
    }
    try:
        yield NewUserAws(aws, fake_environment(home, ENVIRONMENT, **parts), tmp_path)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def new_user(tmp_path: Path) -> Iterator[NewUserAws]:
    """`served` as a fixture."""
    with served(tmp_path) as made:
        yield made


def user_key(made: NewUserAws, name: str = "jane.doe") -> dict[str, Any]:
    """Make a user as the layer does, and return an access key."""
    return made.aws.user(name, SELF_MANAGEMENT, ASSUME_DEVOPS)
