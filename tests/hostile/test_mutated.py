"""Messages, journals, keys and variables with changes in them: read, or refused with what to do."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from support.fakes import fake_environment
from support.message_samples import identity, public_key, request
from support.mutations import mutated
from support.repository import TESTS

from workflows.aws.access_key_file import parse_access_key
from workflows.catalogue import WORKFLOWS
from workflows.core.sentences import OnboardError
from workflows.gpg.normalise import public_keys
from workflows.layer.discover import find_project
from workflows.machine.sessions import Sessions
from workflows.machine.summaries import JOURNAL
from workflows.messages.handoff import Handoff, open_handoff
from workflows.messages.request import open_request
from workflows.run import SessionRun
from workflows.step_modules import MODULES
from workflows.steps.admin.status_grid import status_grid

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
JOURNALS = sorted((TESTS / "journals").glob("*.jsonl"))
CSV = b"Access key ID,Secret access key\r\nAKIAIOSFODNN7EXAMPLE,wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\r\n"
COMMON, BACKEND = "config/common.tfvars", "security/config/backend.tfvars"
FILES = {
    "build.env": b"PROJECT=bb\n",
    COMMON: b"""project      = "bb"
project_long = "binbash"
region       = "us-east-1"
accounts = {
  security = { id = "222222222222", email = "aws+security@bb.example" }
}
""",
    BACKEND: b"""region  = "us-east-1"
profile = "bb-security-devops"
bucket  = "bb-security-terraform-backend"
encrypt = true
""",
    "security/config/account.tfvars": b'environment = "security"\n',
    "security/global/base-identities/config.tf": b'terraform {\n  backend "s3" {\n    key = "a/b"\n  }\n}\n',
    "security/global/base-identities/locals.tf": b"locals {\n  users = []\n}\n",
}


def text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")


def journal(data: bytes) -> None:
    """List the session, open it, and show everybody that it is about."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "sessions" / "20260101-000000-aaaa"
        folder.mkdir(parents=True, mode=0o700)
        (folder / JOURNAL).write_bytes(data)
        sessions = Sessions(folder.parent, WORKFLOWS, lambda: NOW)
        sessions.summaries()
        with closing(sessions.open(folder.name)) as session:
            environment = replace(fake_environment(folder, {"PATH": ""}), now=lambda: NOW)
            status_grid(SessionRun(session, environment, MODULES[session.header.workflow]).session_context())


def project_with(name: str, data: bytes) -> None:
    """Find a project, one of whose files was changed, and its layers."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for path, text in FILES.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data if path == name else text)
        find_project(root)


READERS: dict[str, tuple[list[bytes], Callable[[bytes], object]]] = {
    "handoff": (
        [Handoff("bb", (identity(),)).render().encode()],
        lambda data: open_handoff(text(data)),
    ),
    "request": ([request().render().encode()], lambda data: open_request(text(data))),
    "key": ([public_key()[0].encode()], lambda data: public_keys(text(data))),
    "access key": ([CSV], lambda data: parse_access_key(text(data), "key.csv")),
    "common variables": ([FILES[COMMON]], partial(project_with, COMMON)),
    "backend file": ([FILES[BACKEND]], partial(project_with, BACKEND)),
    "journal": ([path.read_bytes() for path in JOURNALS], journal),
}


@pytest.mark.parametrize("kind", READERS)
@given(st.data())
@settings(max_examples=100, deadline=None)
def test_what_was_changed_is_read_or_refused_with_what_to_do(kind: str, data: st.DataObject) -> None:
    seeds, read = READERS[kind]
    refusal: OnboardError | None = None
    try:
        read(data.draw(mutated(st.sampled_from(seeds))))
    except OnboardError as error:
        refusal = error
    assert refusal is None or refusal.next
