"""A new user at the handoff or the sign-in, on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from support.new_user import handoff_for
from support.panes import settle
from support.pgp import GpgHome

from tui.host import Machine
from tui.session_catalogue import SessionCatalogue
from workflows.machine.events import StepKey


def waiting_session(gpg: GpgHome, name: str, *, with_handoff: bool = True) -> str:
    """Make a session of the new user's workflow in this machine's folder, at the sign-in or at the handoff.

    The test must have set GNUPGHOME to the folder of `gpg`.

    Returns:
        The session's id.
    """
    assert os.environ["GNUPGHOME"] == str(gpg.path)
    session = SessionCatalogue(Machine.this()).sessions_of().create("new-user", {})
    done: dict[str, Mapping[str, Any]] = {
        "before-you-start": {"project": "bb", "user": "jane.doe", "tools": {}},
        "pgp-key": {"fingerprint": gpg.fingerprint(name), "key_made": False, "request_sent": "sent"},
    }
    if with_handoff:
        payload = handoff_for(gpg, name).payload()
        done["handoff"] = {"handoff": payload, "identities": ["security"]}
    for step, facts in done.items():
        settle(session, StepKey(step), facts)
    session.close()
    return session.folder.name
