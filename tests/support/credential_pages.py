"""The pages for MFA, access keys, profiles and the test of all, in a session of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

from support.panes import PaneHost, new_session, rest, settle
from support.pgp import ENVIRONMENT, GpgHome
from support.served_aws import BASE, ITEM, NewUserAws, jane
from textual.pilot import Pilot
from textual.widgets import Input

from screens.new_user.access_keys import AccessKeysPane
from screens.new_user.mfa import MfaPane
from screens.new_user.profiles import ProfilesPane
from screens.new_user.verify import VerifyPane
from tui.host import vault_for
from workflows.core.secret import Credentials, Secret
from workflows.machine.declaration import Step
from workflows.machine.events import NOT_ASKED, StepKey
from workflows.machine.session import Session
from workflows.steps.new_user import access_keys, mfa, profiles, verify
from workflows.stores.vault import store_access_key

START = Step(
    "start",
    "Start",
    "What came before.",
    gives=("project", "user", "fingerprint", "replaced", "handoff", "identities"),
)
SIGN_IN = Step(
    "sign-in", "Sign in", "Signing in.", needs=("handoff",), gives=("signed_in",), repeats_over="identities"
)
MODULES: list[Any] = [
    SimpleNamespace(STEP=START, observe=lambda _context: NOT_ASKED),
    SimpleNamespace(STEP=SIGN_IN, observe=lambda _context: NOT_ASKED),
    mfa,
    access_keys,
    profiles,
    verify,
]
PANES = {"mfa": MfaPane, "access-keys": AccessKeysPane, "profiles": ProfilesPane, "verify": VerifyPane}
MFA, KEYS, PROFILES = (StepKey(name, ITEM) for name in ("mfa", "access-keys", "profiles"))
VERIFY = StepKey("verify")
SERIAL = "arn:aws:iam::222222222222:mfa/jane.doe"

DESKTOP = {**ENVIRONMENT, "DISPLAY": ":7"}
"""The environment of a desktop, where gpg could ask in a window."""


def begin(session: Session, new_user: NewUserAws) -> None:
    facts = new_user.context().facts
    names = ("project", "user", "handoff", "identities")
    fingerprint = new_user.identities[0].key_fingerprint
    settle(session, StepKey("start"), {**{name: facts[name] for name in names}, "fingerprint": fingerprint})
    settle(session, StepKey("sign-in", ITEM), {"signed_in": facts["signed_in"]})


def host(new_user: NewUserAws, session: Session, at: StepKey) -> PaneHost:
    return PaneHost(session, new_user.environment, MODULES, PANES, at)


def everything_written(folder: Path) -> str:
    return "".join(path.read_bytes().decode(errors="replace") for path in folder.rglob("*") if path.is_file())


def field(app: PaneHost, name: str) -> Input:
    return app.pane.query_one(f"#{name}", Input)


@asynccontextmanager
async def key_page(new_user: NewUserAws, session: Session) -> AsyncIterator[tuple[PaneHost, Pilot[Any]]]:
    """Access keys at rest, after a device was set up in the console."""
    settle(session, MFA, {"mfa": {"serial": None, "how": "console"}})
    app = host(new_user, session, KEYS)
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        yield app, pilot


def kept(
    new_user: NewUserAws,
    session: Session,
    key: Mapping[str, Any],
    kind: str = "keyring",
    device: Mapping[str, Any] = MappingProxyType({"serial": None, "how": "console"}),
    serial: str | None = SERIAL,
) -> None:
    """MFA and access keys are done, and the key is in the vault."""
    settle(session, MFA, {"mfa": dict(device)})
    vault = new_user.environment.vault(new_user.identities[0].key_fingerprint).vault
    kept_key = Credentials(key["AccessKeyId"], Secret(key["SecretAccessKey"]))
    store_access_key(vault, "bb", BASE, kept_key)
    fact = {"id": key["AccessKeyId"], "kept": kind, "how": "console", "mfa_serial": serial, "told": []}
    settle(session, KEYS, {"access_key": fact})


def written(new_user: NewUserAws, session: Session) -> None:
    facts = dict(session.facts(ITEM))
    context = new_user.context({"fingerprint": facts["fingerprint"]}, access_key=facts["access_key"])
    settle(session, PROFILES, profiles.perform(profiles.proposal(context), context, new_user.report))


def recording_pinentry(gpg: GpgHome) -> Path:
    """Let gpg have a pinentry with windows; return the file that is there once it was started."""
    program, log = gpg.path / "pinentry", gpg.path / "pinentry.log"
    program.write_text(f"#!/bin/sh\ntouch {log}\nexit 1\n")
    program.chmod(0o700)
    with (gpg.path / "gpg-agent.conf").open("a") as configuration:
        configuration.write(f"pinentry-program {program}\n")
    return log


def with_pgp_files(new_user: NewUserAws, gpg: GpgHome, fingerprint: str, tmp_path: Path) -> Session:
    """A session of a person without a keyring, whose password is encrypted to this key."""
    vault = partial(
        vault_for, folder=tmp_path / "vault", gnupg_home=gpg.path, environment=DESKTOP, with_keyring=False
    )
    new_user.environment = replace(new_user.environment, gnupg_home=gpg.path, vault=vault)
    new_user.identities = (jane(key_fingerprint=fingerprint),)
    session = new_session(tmp_path / "gpg-sessions", MODULES)
    begin(session, new_user)
    return session
