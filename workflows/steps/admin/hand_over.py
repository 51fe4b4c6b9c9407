"""The hand-over: for each person one text with everything that was made for them, encrypted to their key.

The passwords are read from the state, where they are encrypted; no output has to be made visible for it. A
person gets one text over all accounts that are applied, so the last layer's text holds every identity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from workflows.aws.iam import find_user, password_made_at
from workflows.core.errors import Cancelled, OnboardError, Problem
from workflows.core.files import write_atomically
from workflows.core.secret import Secret
from workflows.core.sentences import Sentence, joined
from workflows.core.shapes import moment, plain
from workflows.layer.read.layer import read_layer
from workflows.machine.events import Facts
from workflows.steps.admin import declarations
from workflows.steps.admin.handed_over import PASSWORD, HandedOver, Sent, parts_of, people_of
from workflows.steps.admin.person_handoff import PersonHandoff, Source, person_handoff
from workflows.steps.admin.terraform_runs import OpenLayer, iam_client, open_layer, read_state
from workflows.steps.shared.module import Context, Progress, Report, not_asked
from workflows.steps.shared.paths import told_path, typed_path
from workflows.terraform.state import State

STEP = declarations.HAND_OVER
_CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True)
class Request:
    """What the person decides: what was sent to whom; `code` as in Plan.

    Attributes:
        people: the mark of each person.
        nothing: why there is nothing to send now, by person, as AWS and the state say it.
    """

    people: Mapping[str, Sent]
    nothing: Mapping[str, Sentence] = field(default_factory=dict)
    code: Secret | None = field(default=None, compare=False)


def later_layers(context: Context) -> tuple[str, ...]:
    """Layers after this one that some of the same people are still to be applied in."""
    layers, mine = context.decisions.layers, set(people_of(context.item, context))
    rest = layers[layers.index(context.item) + 1 :]
    return tuple(
        name for name in rest if f"applied@{name}" not in context.every and mine & {*people_of(name, context)}
    )


def prepare(
    context: Context,
    report: Report,
    code: Secret | None = None,
    others: Mapping[str, Secret | None] | None = None,
) -> tuple[PersonHandoff, ...]:
    """Make the text of everybody who got something in this account.

    Args:
        context: what the step may read.
        report: takes the progress.
        code: an MFA code, where the layer's profile wants one.
        others: the same for the layers of other accounts, by account.

    Raises:
        CodeWanted, WrongAccount: as `open_layer`.
        OnboardError: this layer's state cannot be read, or AWS can't be asked what it has now.
    """
    people = people_of(context.item, context)
    if not people:
        return ()
    codes = {**(others or {}), context.item: code}
    sources: dict[str, Source] = {}
    troubles: list[str] = []
    for account in context.decisions.layers:
        if f"applied@{account}" not in context.every or not {*people} & {*people_of(account, context)}:
            continue
        context.raise_if_cancelled()
        try:
            sources[account] = _source(context, report, account, codes.get(account))
        except Cancelled:
            raise
        except OnboardError as error:
            if account == context.item:
                raise
            troubles.append(f"{account} is left out, because its state couldn't be read: {error.what}")
    report(Progress("Checking what is encrypted to whom"))
    return tuple(person_handoff(name, sources, troubles, context) for name in people)


def _source(context: Context, report: Report, account: str, code: Secret | None) -> Source:
    with open_layer(context, report, account, code=code) as layer:
        state = read_state(layer, context, report)
        report(Progress(f"Asking AWS whether what {account} has for them is still as it was made"))
        outdated = _outdated(state, layer, account, context)
        return Source(layer.project, read_layer(layer.location), state, outdated)


def _outdated(state: State, layer: OpenLayer, account: str, context: Context) -> dict[str, Sentence]:
    """Whose user or password AWS has lost or replaced since the apply, with what happened.

    Raises:
        AwsError: it could not be asked.
    """
    names = [name for name in people_of(account, context) if name in state.users]
    found: dict[str, Sentence] = {}
    until = _applied_at(context.every[f"applied@{account}"])
    with iam_client(context, layer.project, layer.location, layer.files) as iam:
        for name in names:
            if find_user(iam, name) is None:
                found[name] = "AWS no longer has this user"
            elif name in state.login_profiles and PASSWORD in parts_of(name, account, context):
                made = password_made_at(iam, name)
                if made is None:
                    found[name] = "AWS no longer has a console password for them"
                elif until is not None and made > until + _CLOCKS_DIFFER:
                    found[name] = "somebody gave them another password after this apply"
    return found


def _applied_at(fact: Mapping[str, Any]) -> datetime | None:
    """When this session's apply ended; None for one made elsewhere, or without a known time."""
    return moment(fact["at"], "apply.at") if "at" in fact and not fact.get("elsewhere") else None


def save(person: PersonHandoff, target: str, context: Context) -> Path:
    """Write a person's text into a file (0600) and say which.

    Args:
        person: whose text.
        target: a path as typed; one in the home folder if it is relative.
        context: what the step may read.

    Raises:
        OnboardError: it cannot be written.
    """
    path = typed_path(target, context.world.home)
    write_atomically(path, person.text.encode())
    return path


def default_file(name: str) -> str:
    """Where a person's text is saved unless another file is named."""
    return f"~/handoff-{name}.txt"


def to_mailbox(person: PersonHandoff, context: Context) -> Sentence:
    """Put a person's text into the sandbox's mailbox, and say so.

    Raises:
        OnboardError: there is no mailbox, or it cannot be written.
    """
    path = context.world.mail(f"handoff-{person.name}.txt")
    if path is None:
        raise OnboardError("No mailbox", "Only the sandbox has a mailbox.", next="Copy or save the text.")
    write_atomically(path, person.text.encode())
    return f"put into the mailbox as {path.name}"


def for_a_new_key(name: str, context: Context) -> dict[str, list[str]]:
    """What Project begins with where somebody who was brought in can't use their PGP key any more."""
    decided = context.decisions
    return {
        "joining": [one for one in decided.joining if one != name],
        "rekeying": [*(one for one in decided.rekeying if one != name), name],
    }


def sent_now(how: Sentence, context: Context, before: Sent | None = None) -> Sent:
    """The mark that a text was sent now; `before` is the one that it replaces."""
    again = "once more: " if before is not None and before.sent_at else ""
    return Sent(context.world.now().isoformat(timespec="seconds"), f"{again}{how}")


def marked_by_hand(context: Context) -> Sent:
    """The mark of a text that was sent in another way."""
    return replace(sent_now("marked by hand", context), by_hand=True)


def saved_words(path: Path, context: Context) -> Sentence:
    """How a saved text is reported."""
    return f"saved as {told_path(path, context.world.home)}"


def validate(request: Request, _context: Context) -> list[Problem]:
    """Everybody's text is of use and marked as sent; whose is not marked is a warning."""
    useless = [
        Problem(joined((f"{name} can't begin with it:", why, "Or skip this (^s).")), "people")
        for name, why in request.nothing.items()
    ]
    missing = [name for name, sent in request.people.items() if sent.sent_at is None]
    if useless or not missing:
        return useless
    verb = "is" if len(missing) == 1 else "are"
    return [Problem(f"{', '.join(missing)} {verb} not marked as sent.", "people", fatal=False)]


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Record what was sent to whom; nothing else is kept of it."""
    report(Progress("Recording what was sent"))
    sent = {name: request.people.get(name, Sent()) for name in people_of(context.item, context)}
    return {"handed_over": plain(HandedOver(sent))}


observe = not_asked  # what was sent cannot be asked; the marks are all there is
