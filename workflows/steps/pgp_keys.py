"""The PGP keys of those who join: taken in from whatever they sent, and judged before anything is written.

A bad key passes Terraform's plan and fails in the apply, after the IAM user exists. So every key gets the
verdict for the AWS provider that each layer has locked, with the sentence to send to its owner.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workflows.errors import Problem
from workflows.machine.declaration import Condition, Step
from workflows.machine.events import Facts
from workflows.messages.invitation import Invitation
from workflows.services.clipboard import ClipboardUnavailable
from workflows.services.files import write_atomically
from workflows.services.gpg.refusals import KeyRefused
from workflows.steps.base import AGREES, Context, Observation, Progress, Report
from workflows.steps.edits import read_layers
from workflows.steps.places import told_path
from workflows.steps.taken_keys import TakenKey, take_in

STEP = Step(
    id="pgp-keys",
    title="PGP keys",
    purpose="Take in the public PGP key of everybody who joins; their passwords are encrypted to it.",
    needs=("project_root", "layers", "joining"),
    gives=("keys",),
    applies=Condition("somebody joins", lambda facts: bool(facts.get("joining"))),
)


@dataclass(frozen=True)
class Request:
    """What the person decides: the key of each person who joins, as far as there is one."""

    keys: Mapping[str, TakenKey]


@dataclass(frozen=True)
class Gathered:
    """What was there before anybody pasted anything.

    Attributes:
        keys: keys by name, from key files that the layers hold already and from what was decided before.
        mail: names of requests in the sandbox's mailbox.
    """

    keys: Mapping[str, TakenKey]
    mail: tuple[str, ...]


def gather(drafted: Mapping[str, str], context: Context, report: Report) -> Gathered:
    """Keys that are there already: in a layer's `keys/` folder, decided before, or in a draft.

    Args:
        drafted: key texts by name, from a draft.
        context: what the step may read.
        report: takes the progress.

    Raises:
        OnboardError: a layer cannot be read.
    """
    report(Progress("Looking at the key files that are there"))
    joining = context.facts["joining"]
    texts = {
        name: (layer.keys[name], f"{layer.location.relative}/keys/{name}")
        for layer in read_layers(context).values()
        for name in joining
        if name in layer.keys
    }
    decided = context.facts.get("keys") or {}
    texts |= {name: (str(fact["text"]), str(fact["source"])) for name, fact in decided.items()}
    texts |= {name: (text, "taken in before") for name, text in drafted.items()}
    found: dict[str, TakenKey] = {}
    for name in joining:
        if name in texts:
            text, source = texts[name]
            with contextlib.suppress(KeyRefused):  # an unreadable key file is replaced by a good one
                found[name] = take_in(text, name, source, context)
    return Gathered(found, mail_for(context))


def mail_for(context: Context) -> tuple[str, ...]:
    """The people who join and have a request in the sandbox's mailbox; nobody outside the sandbox."""
    mailbox = context.world.mailbox
    if mailbox is None:
        return ()
    return tuple(name for name in context.facts["joining"] if (mailbox / f"request-{name}.txt").exists())


def invite(name: str, context: Context) -> str:
    """Make the text to send to a person who has not sent a key, and hand it out; tells where it is.

    Raises:
        OnboardError: the name breaks a rule, or the text could not be put anywhere.
    """
    text = Invitation(str(context.facts["project"]), name).render()
    mailbox = context.world.mailbox
    if mailbox is None:
        return hand_out(text, f"invitation-{name}.txt", context)
    write_atomically(mailbox / f"invitation-{name}.txt", text.encode())
    return f"It is in the sandbox's mailbox, for {name}."


def hand_out(text: str, file_name: str, context: Context) -> str:
    """Copy a text that is to be sent, or save it at home where there is no clipboard; tells which.

    Raises:
        OnboardError: it could not be saved either.
    """
    try:
        return context.world.clipboard.copy(text)
    except ClipboardUnavailable as error:
        path = context.world.home / file_name
        write_atomically(path, text.encode())
        return f"{error.what} So it is saved as {told_path(path, context.world.home)}: send that file."


def validate(request: Request, context: Context) -> list[Problem]:
    """Everybody who joins has a key that may be written."""
    problems = []
    for name in context.facts["joining"]:
        key = request.keys.get(name)
        if key is None:
            words = (
                "has no key yet. Invite them (i), and come back when the key is here; ^q keeps everything."
            )
            problems.append(Problem(f"{name} {words}", "people"))
        elif not key.accepted:
            problems.append(Problem(f"{name}: {key.headline}. {key.explanation}", "people"))
        else:
            problems += [Problem(f"{name}: {words}", "people", fatal=False) for words in key.warnings]
    return problems


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Record the keys; they are public, and written by Review."""
    del report
    return {"keys": {name: _fact(request.keys[name]) for name in context.facts["joining"]}}


def _fact(key: TakenKey) -> dict[str, Any]:
    return {
        "text": key.text,
        "fingerprint": key.fingerprint,
        "algorithm": key.algorithm,
        "expires": key.expires,
        "user_ids": list(key.user_ids),
        "verdict": key.verdict,
        "source": key.source,
    }


def observe(context: Context) -> Observation:
    """No key has expired since."""
    now = context.world.now()
    gone = [
        name
        for name, fact in context.facts["keys"].items()
        if fact["expires"] and datetime.fromisoformat(fact["expires"]) <= now
    ]
    if gone:
        return Observation(holds=False, words=f"The key of {', '.join(gone)} has expired since.")
    return AGREES
