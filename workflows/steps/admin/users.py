"""The users: who is added to and removed from which layer, and who may sign in with what.

It arrives filled from what was decided before. Where a layer has one switch for all users of a module, nobody
is switched alone: that is an error with the place. A decision holds what is wanted other than the layer says;
one written in this session stays in it, so that the plan is known to be about these people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from workflows.core.errors import Problem
from workflows.core.sentences import Sentence
from workflows.layer.edit.key_files import RenameKeyFile, own_key_path, sharing_key
from workflows.layer.edit.operation import EditRefused, refuse
from workflows.layer.edit.people import own_switch
from workflows.layer.edit.run import edit_layer
from workflows.layer.model import Layer, Person, Subject
from workflows.layer.read.declarations import SWITCHED
from workflows.machine.events import Facts
from workflows.machine.observations import AGREES, Observation, Verdict
from workflows.steps.admin.edits import operations, read_layers
from workflows.steps.admin.other_sessions import removed_from_files
from workflows.steps.decisions import Decisions, UserChanges
from workflows.steps.shared.by_hand import Spot, refused_by_hand, spot_at, spots_of
from workflows.steps.shared.module import Context, Progress, Report

WORDS: Mapping[str, str] = SWITCHED
"""What each switch is about, in words."""

Request = UserChanges
"""What the person decides."""


def survey(context: Context, report: Report) -> dict[str, Layer]:
    """Read the layers for the screen, by account.

    Raises:
        OnboardError: one cannot be read.
    """
    report(Progress("Reading the layers"))
    return read_layers(context)


def spots(layer: Layer) -> tuple[Spot, ...]:
    """What is to be edited by hand or hidden in a comment, but for groups and keys, and who is not edited."""
    others = {Subject.GROUP, Subject.MEMBER, Subject.KEY}  # of other steps
    findings = [finding for finding in layer.findings if finding.subject not in others]
    people = [
        spot_at(layer, person.place, f"{person.iam_name} is shown, not edited.")
        for person in layer.people
        if not person.editable
    ]
    return (*spots_of(layer, findings), *people)


def sharing(layer: Layer, person: Person) -> tuple[str, ...]:
    """The other users of a person's key file."""
    return sharing_key(layer, person.key_file, person.iam_name) if person.key_file else ()


def proposal(context: Context, layers: Mapping[str, Layer]) -> Request:
    """Who joins is added wherever they are not yet; who leaves is removed wherever they are.

    What this session wrote before is part of it.
    """
    joining, leaving = context.decisions.joining, context.decisions.leaving
    wanted = Request(
        add={
            account: tuple(name for name in joining if not layer.person(name))
            for account, layer in layers.items()
        },
        remove={
            account: tuple(name for name in leaving if layer.person(name))
            for account, layer in layers.items()
        },
    )
    return merged(written(context, layers), wanted)


def resumed(decided: Request, proposed: Request) -> Request:
    """What was decided, or is in a draft, and for people it says nothing about, what is proposed."""

    def side(verb: str) -> dict[str, tuple[str, ...]]:
        chosen, known = getattr(decided, verb), decided.people(verb)
        return {
            account: (*chosen.get(account, ()), *(name for name in names if name not in known))
            for account, names in getattr(proposed, verb).items()
        }

    return replace(decided, add=side("add"), remove=side("remove"))


def kept(request: Request, layers: Mapping[str, Layer]) -> Request:
    """The request without access and key files of people who are not in the layers any more."""

    def there(kind: str) -> dict[str, Any]:
        return {
            account: {name: change for name, change in changes.items() if layer.person(name)}
            for account, layer in layers.items()
            if (changes := getattr(request.of(account), kind))
        }

    return replace(request, access=there("access"), key_files=there("key_files")).trimmed()


def merged(first: Request, second: Request) -> Request:
    """What either of two requests asks for; names sorted. Access and key files are those of the second."""
    accounts = dict.fromkeys((*first.add, *first.remove, *second.add, *second.remove))

    def both(verb: str) -> dict[str, tuple[str, ...]]:
        return {
            name: tuple(sorted({*getattr(first.of(name), verb), *getattr(second.of(name), verb)}))
            for name in accounts
        }

    return replace(second, add=both("add"), remove=both("remove"))


def written(context: Context, layers: Mapping[str, Layer]) -> Request:
    """What was decided in this session before, and is in the files by now; it stays decided."""
    decided, before = context.decisions, context.decisions.users

    def side(verb: str, people: tuple[str, ...], *, there: bool) -> dict[str, tuple[str, ...]]:
        return {
            account: tuple(
                name
                for name in getattr(before.of(account), verb)
                if name in people and bool(layer.person(name)) is there
            )
            for account, layer in layers.items()
        }

    return Request(side("add", decided.joining, there=True), side("remove", decided.leaving, there=False))


def validate(request: Request, context: Context) -> list[Problem]:
    """Everybody who joins or leaves is in at least one layer's list; what is switched off is warned about."""
    problems = [
        Problem(
            f"{name} {words} no account. Select one, or change the Project step.",
            "people",
        )
        for words, names, verb in (
            ("joins", context.decisions.joining, "add"),
            ("leaves", context.decisions.leaving, "remove"),
        )
        for name in names
        if name not in request.people(verb)
    ]
    return problems or _losses(request, context)


def _losses(request: Request, context: Context) -> list[Problem]:
    """A warning for everything that is switched off, once it is newly decided."""
    return [
        Problem(f"{account}: the {WORDS[fact]} of {name} is deleted at the apply.", fatal=False)
        for account, people in request.access.items()
        for name, switches in people.items()
        for fact, wanted in switches.items()
        if not wanted and context.decisions.users.switch(account, name, fact) is not False
    ]


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Make every layer's edits in memory, to see that its shape allows them, and record what is wanted.

    Nothing is written.

    Raises:
        NotPossible: a layer cannot be edited that way, with the place to edit by hand.
    """
    decisions = Decisions(user_changes=request.trimmed(), keys=context.decisions.keys)
    for layer in read_layers(context).values():
        context.raise_if_cancelled()
        report(Progress(f"Checking {layer.location.relative}"))
        with refused_by_hand(layer, "Undo that here"):
            edit_layer(layer, operations(layer, decisions))
    return decisions.as_facts("user_changes")


def observe(context: Context) -> Observation:
    """Whose access or key file changes is there; whether the layers hold who joined is Review's to say."""
    layers = read_layers(context)
    gone, since = [], removed_from_files(context, layers).by_item
    for account, layer in layers.items():
        here = context.decisions.of(account)
        there = {person.iam_name for person in layer.people}.union(here.remove, since.get(account, ()))
        gone += [f"{name} ({account})" for name in sorted(here.switched - there)]
    words = f"{', '.join(gone)} is no longer in the layer, but you wanted to change something for them."
    return Observation(Verdict.CHANGED, words) if gone else AGREES


def switch_refusal(layer: Layer, person: Person, fact: str, *, wanted: bool) -> EditRefused | None:
    """Why a person cannot be switched alone, or None if they can.

    Args:
        layer: the person's layer.
        person: who.
        fact: `login_profile` or `access_key`.
        wanted: whether it is to be on.
    """
    if person.editable and wanted and person.key_file not in layer.files.keys:
        what = f"{person.iam_name} has no PGP key to encrypt the {WORDS[fact]} for."
        return refuse(what, f"There is no {person.key_file or 'known key file'}.", person.place)
    return _refusal(person, lambda: own_switch(layer, person, fact))


def rename_refusal(layer: Layer, person: Person) -> EditRefused | None:
    """Why a person's key file cannot have another name, or None if it can."""
    return _refusal(person, lambda: own_key_path(layer, person))


def _refusal(person: Person, change: Callable[[], object]) -> EditRefused | None:
    if not person.editable:
        what = f"{person.iam_name} is declared in a way that is shown, not edited."
        return refuse(what, "Its declaration is computed, or in a file that cannot be parsed.", person.place)
    try:
        change()
    except EditRefused as refusal:
        return refusal
    return None


def key_file_words(layer: Layer, person: Person, name: str = "") -> Sentence:
    """What another name for a person's key file means; "" is one that is yet to be chosen."""
    if person.key_file in layer.files.keys:
        called = f"The key file will be called {name}. " if name else ""
        return f"{called}The key stays the same, so no password and no access key is reset."
    missing = f"There is no {person.key_file}."
    return f"{missing} {name} takes its place." if name else f"{missing} Machine users can share a key file."


def wrong_file(layer: Layer, person: Person, name: str) -> Sentence:
    """What is wrong with a new name for a person's key file, "" if nothing is."""
    found = RenameKeyFile(person.iam_name, name).check(layer)
    return next((problem.message for problem in found if problem.fatal), "")


def consequence(
    person: Person, fact: str, *, wanted: bool, left: bool, shared: tuple[str, ...] = ()
) -> Sentence:
    """What switching does to the person, in a sentence or two.

    Args:
        person: who, as the layer is now.
        fact: `login_profile` or `access_key`.
        wanted: whether it is switched on.
        left: whether the other of the two is on.
        shared: who else has the same key file.
    """
    if wanted:
        words = f"Gets a new {WORDS[fact]} at the apply, encrypted for {person.key_file}; Hand over has it."
        return words + (f" That key file is also of {', '.join(shared)}." if shared else "")
    words = (
        "The console password is deleted at the apply: no more signing in to the console."
        if fact == "login_profile"
        else "The access key is deleted at the apply: whatever signs with it stops working."
    )
    return words if left else f"{words} Then nothing is left to sign in with."


def switched(request: Request, account: str, person: Person, fact: str, decided: Request) -> Request:
    """The request with one switch turned over.

    What the layer says is not kept, except where it was written for an earlier decision of this session.

    Args:
        request: as it is.
        account: the person's layer.
        person: who, as the layer is now; the switch's state is known.
        fact: `login_profile` or `access_key`.
        decided: what was accepted before.
    """
    now, own = getattr(person, fact), request.of(account).access
    switches = dict(own.get(person.iam_name, {}))
    value = not switches.pop(fact, now)
    if value is not now or decided.switch(account, person.iam_name, fact) is value:
        switches[fact] = value
    own = {**own, person.iam_name: switches}
    return replace(request, access={**request.access, account: own}).trimmed()
