"""The users: who is added to and removed from which layer, and who may sign in with what.

It arrives filled from what was decided before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from workflows.core.errors import Problem
from workflows.layer.edit import EditUnsafe, edit_layer
from workflows.layer.operations import EditRefused
from workflows.machine.declaration import Condition, Step
from workflows.machine.events import Facts
from workflows.machine.observations import AGREES, Observation, Verdict
from workflows.steps.access import WORDS, Access, KeyFiles, people_in, trimmed
from workflows.steps.base import Context, Progress, Report
from workflows.steps.by_hand import not_possible
from workflows.steps.edits import operations, read_layers
from workflows.steps.user_views import LayerView

STEP = Step(
    id="users",
    title="Users",
    purpose="Choose who is added to and removed from which layer, and what people sign in with.",
    needs=("project_root", "layers", "joining", "leaving", "keys"),
    gives=("user_changes",),
    applies=Condition(
        "somebody joins, leaves or changes",
        lambda facts: bool(facts.get("joining") or facts.get("leaving") or facts.get("regrouping")),
    ),
    blocked_words="Users needs the PGP keys of those who join",
)


@dataclass(frozen=True)
class Request:
    """What the person decides.

    Attributes:
        add: account name to IAM names that are added to its layer.
        remove: account name to IAM names that are removed from its layer.
        access: console passwords and access keys to switch, as far as they change.
        key_files: key files to rename.
    """

    add: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    remove: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    access: Access = field(default_factory=dict)
    key_files: KeyFiles = field(default_factory=dict)


def look(context: Context, report: Report) -> tuple[LayerView, ...]:
    """Read the layers for the screen.

    Raises:
        OnboardError: one cannot be read.
    """
    report(Progress("Reading the layers"))
    return tuple(LayerView(layer) for layer in read_layers(context).values())


def proposal(context: Context, views: tuple[LayerView, ...]) -> Request:
    """Who joins is added wherever they are not yet; who leaves is removed wherever they are.

    What this session wrote before is part of it.
    """
    joining, leaving = context.facts["joining"], context.facts["leaving"]
    wanted = Request(
        add={view.account: tuple(name for name in joining if not view.has(name)) for view in views},
        remove={view.account: tuple(name for name in leaving if view.has(name)) for view in views},
    )
    return merged(written(context, views), wanted)


def resumed(decided: Mapping[str, Any], proposed: Request) -> Request:
    """What was decided, and for people it says nothing about, what is proposed.

    Args:
        decided: the fact `user_changes`, or a draft in its form.
        proposed: the proposal.
    """

    def side(verb: str, proposals: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        chosen = {account: tuple(names) for account, names in decided.get(verb, {}).items()}
        known = {name for names in chosen.values() for name in names}
        return {
            account: (*chosen.get(account, ()), *(name for name in names if name not in known))
            for account, names in proposals.items()
        }

    def own(kind: str) -> dict[str, Any]:
        return {account: dict(people) for account, people in decided.get(kind, {}).items()}

    return Request(
        add=side("add", proposed.add),
        remove=side("remove", proposed.remove),
        access=own("access"),
        key_files=own("key_files"),
    )


def kept(request: Request, views: tuple[LayerView, ...]) -> Request:
    """The request without access and key files of people who are not in the layers any more."""

    def there(changes: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        return {
            view.account: {name: one for name, one in changes.get(view.account, {}).items() if view.has(name)}
            for view in views
        }

    return replace(
        request, access=trimmed(there(request.access)), key_files=trimmed(there(request.key_files))
    )


def merged(one: Request, other: Request) -> Request:
    """What either of two requests asks for; names sorted. Access and key files are those of the second."""
    accounts = dict.fromkeys((*one.add, *one.remove, *other.add, *other.remove))
    return replace(
        other,
        add={name: tuple(sorted({*one.add.get(name, ()), *other.add.get(name, ())})) for name in accounts},
        remove={
            name: tuple(sorted({*one.remove.get(name, ()), *other.remove.get(name, ())})) for name in accounts
        },
    )


def written(context: Context, views: tuple[LayerView, ...]) -> Request:
    """What was decided in this session before, and is in the files by now; it stays decided."""
    before = context.facts.get("user_changes") or {}
    joining, leaving = context.facts["joining"], context.facts["leaving"]
    return Request(
        add={
            view.account: tuple(
                name
                for name in before.get("add", {}).get(view.account, ())
                if name in joining and view.has(name)
            )
            for view in views
        },
        remove={
            view.account: tuple(
                name
                for name in before.get("remove", {}).get(view.account, ())
                if name in leaving and not view.has(name)
            )
            for view in views
        },
    )


def validate(request: Request, context: Context) -> list[Problem]:
    """Everybody who joins or leaves is in at least one layer's list; what is switched off is warned about."""
    problems = []
    for words, names, chosen in (
        ("joins", context.facts["joining"], request.add),
        ("leaves", context.facts["leaving"], request.remove),
    ):
        everywhere = {name for some in chosen.values() for name in some}
        problems += [
            Problem(
                f"{name} {words}, but no layer is marked for it. Mark one, or change the Project step.",
                "people",
            )
            for name in names
            if name not in everywhere
        ]
    return problems or _losses(request, context)


def _losses(request: Request, context: Context) -> list[Problem]:
    """A warning for everything that is switched off, once it is decided anew."""
    before = (context.facts.get("user_changes") or {}).get("access", {})
    return [
        Problem(f"{account}: the {WORDS[fact]} of {name} is deleted at the apply.", fatal=False)
        for account, people in request.access.items()
        for name, switches in people.items()
        for fact, wanted in switches.items()
        if not wanted and before.get(account, {}).get(name, {}).get(fact) is not False
    ]


def as_changes(request: Request) -> dict[str, Any]:
    """The request in the form of the fact `user_changes`, as JSON values."""
    changes: dict[str, Any] = {
        "add": {account: list(names) for account, names in request.add.items()},
        "remove": {account: list(names) for account, names in request.remove.items()},
    }
    for kind, wanted in (("access", request.access), ("key_files", request.key_files)):
        if trimmed(wanted):
            changes[kind] = trimmed(wanted)
    return changes


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Make every layer's edits in memory, to see that its shape allows them, and record what is wanted.

    Nothing is written.

    Raises:
        NotPossible: a layer cannot be edited that way, with the place to edit by hand.
    """
    report(Progress("Checking the layers"))
    changes = as_changes(request)
    for verb in ("add", "remove"):
        changes[verb] = {account: names for account, names in changes[verb].items() if names}
    decisions = {"user_changes": changes, "keys": context.facts.get("keys") or {}}
    for layer in read_layers(context).values():
        context.raise_if_cancelled()
        report(Progress(f"Checking {layer.location.relative}"))
        try:
            edit_layer(layer, operations(layer, decisions))
        except EditUnsafe:
            raise  # its own words say it all
        except EditRefused as refusal:
            raise not_possible(layer, refusal, "Take that back here") from refusal
    return {"user_changes": changes}


def observe(context: Context) -> Observation:
    """Whose access or key file changes is there; whether the layers hold who joined is Review's to say."""
    changes = context.facts["user_changes"]
    gone = []
    for account, layer in read_layers(context).items():
        there = {one.iam_name for one in layer.people} | set(changes.get("remove", {}).get(account, ()))
        gone += [f"{name} ({account})" for name in sorted(people_in(changes, account) - there)]
    if gone:
        words = f"{', '.join(gone)} is not in the layer any more, and something was to change for them."
        return Observation(Verdict.CHANGED, words)
    return AGREES
