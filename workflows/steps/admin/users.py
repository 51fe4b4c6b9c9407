"""The users: who is added to or removed from each layer, and who may sign in with what.

The page starts with earlier decisions. Where a layer has one switch for all users of a module, nobody can be
switched alone: that is an error with the place. A decision holds what differs from the layer; once written,
it stays, so that the plan is known to be for these people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from workflows.core.sentences import Problem, Sentence
from workflows.layer.edit.key_files import RenameKeyFile, own_key_path, sharing_key
from workflows.layer.edit.operation import EditRefused, refuse
from workflows.layer.edit.people import own_switch
from workflows.layer.edit.run import edit
from workflows.layer.model import Layer, Person, Style, Subject
from workflows.layer.read.declarations import SWITCHED
from workflows.machine.events import AGREES, Facts, Observation, Verdict
from workflows.steps.admin.edits import operations, read_layers
from workflows.steps.admin.other_sessions import refuse_who_is_there, removed_from_files
from workflows.steps.decisions import Decisions, UserChanges
from workflows.steps.shared.by_hand import Spot, refused_by_hand, spot_at, spots_of
from workflows.steps.shared.module import Context, Progress, Report

WORDS: Mapping[str, str] = SWITCHED
"""What each switch controls."""

Request = UserChanges
"""The person's decisions."""


def survey(context: Context, report: Report) -> dict[str, Layer]:
    """Read the layers for the screen, by account.

    Raises:
        OnboardError: a layer can't be read, or somebody who joins is in all of them already.
    """
    report(Progress("Reading the layers"))
    layers = read_layers(context)
    refuse_who_is_there(context.decisions.joining, layers, context)
    return layers


def spots(layer: Layer) -> tuple[Spot, ...]:
    """Return code to edit by hand or commented out, except groups and keys, and users not editable."""
    others = {Subject.GROUP, Subject.MEMBER, Subject.KEY}  # belong to other steps
    findings = [finding for finding in layer.findings if finding.subject not in others]
    people = [
        spot_at(layer, person.place, f"{person.iam_name} is read-only here.")
        for person in layer.people
        if not person.editable
    ]
    return (*spots_of(layer, findings), *people)


def sharing(layer: Layer, person: Person) -> tuple[str, ...]:
    """Return the other users of a person's key file."""
    return sharing_key(layer, person.key_file, person.iam_name) if person.key_file else ()


def proposal(context: Context, layers: Mapping[str, Layer]) -> Request:
    """Propose to add joiners wherever they are missing, and remove leavers wherever they are.

    Edits that this session wrote earlier are included.
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
    """Return the decisions or draft, with the proposal for people they don't mention."""

    def side(verb: str) -> dict[str, tuple[str, ...]]:
        chosen, known = getattr(decided, verb), decided.people(verb)
        return {
            account: (*chosen.get(account, ()), *(name for name in names if name not in known))
            for account, names in getattr(proposed, verb).items()
        }

    return replace(decided, add=side("add"), remove=side("remove"))


def kept(request: Request, layers: Mapping[str, Layer]) -> Request:
    """Drop access and key files of people who are no longer in the layers."""

    def there(kind: str) -> dict[str, Any]:
        return {
            account: {name: change for name, change in changes.items() if layer.person(name)}
            for account, layer in layers.items()
            if (changes := getattr(request.of(account), kind))
        }

    return replace(request, access=there("access"), key_files=there("key_files")).trimmed()


def merged(first: Request, second: Request) -> Request:
    """Merge two requests, with sorted names. Access and key files come from the second."""
    accounts = dict.fromkeys((*first.add, *first.remove, *second.add, *second.remove))

    def both(verb: str) -> dict[str, tuple[str, ...]]:
        return {
            name: tuple(sorted({*getattr(first.of(name), verb), *getattr(second.of(name), verb)}))
            for name in accounts
        }

    return replace(second, add=both("add"), remove=both("remove"))


def written(context: Context, layers: Mapping[str, Layer], entered: Request | None = None) -> Request:
    """Return decisions that the files already have; they stay decided.

    Additions count as this session decided them. Somebody who leaves may have been removed by hand: then it
    counts where it was decided or entered, or everywhere if nobody has chosen accounts yet.

    Args:
        entered: what was entered and not accepted yet.
    """
    decided, before = context.decisions, context.decisions.users
    chosen = merged(before, entered or Request())
    unchosen = {
        name
        for name in decided.leaving
        if name not in chosen.people("remove") and not any(layer.person(name) for layer in layers.values())
    }
    return Request(
        add={
            account: tuple(
                name for name in before.of(account).add if name in decided.joining and layer.person(name)
            )
            for account, layer in layers.items()
        },
        remove={
            account: tuple(
                name
                for name in decided.leaving
                if name in unchosen.union(chosen.of(account).remove) and not layer.person(name)
            )
            for account, layer in layers.items()
        },
    )


def validate(request: Request, context: Context) -> list[Problem]:
    """Require everybody who joins or leaves in at least one layer's list; warn about what is switched off."""
    problems = [
        Problem(
            f"{name} {words} no account. Select one, or change Project.",
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
    """Warn about everything that is newly switched off."""
    return [
        Problem(f"{account}: the {WORDS[fact]} of {name} is deleted at the apply.", fatal=False)
        for account, people in request.access.items()
        for name, switches in people.items()
        for fact, wanted in switches.items()
        if not wanted and context.decisions.users.switch(account, name, fact) is not False
    ]


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Make every layer's edits in memory, to check that they are possible, and record the decisions.

    Nothing is written.

    Raises:
        NotPossible: a layer can't be edited that way; names the place to edit by hand.
    """
    decisions = Decisions(user_changes=request.trimmed(), keys=context.decisions.keys)
    for layer in read_layers(context).values():
        context.raise_if_cancelled()
        report(Progress(f"Checking {layer.location.relative}"))
        with refused_by_hand(layer, "Undo that here"):
            edit(layer, operations(layer, decisions))
    return decisions.as_facts("user_changes")


def observe(context: Context) -> Observation:
    """Check that people whose access or key file changes exist; Review checks for the joiners."""
    layers = read_layers(context)
    gone, since = dict[str, tuple[str, ...]](), removed_from_files(context, layers).by_item
    for account, layer in layers.items():
        here = context.decisions.of(account)
        there = {person.iam_name for person in layer.people}.union(here.remove, since.get(account, ()))
        if missing := here.switched - there:
            gone[account] = tuple(sorted(missing))
    who = ", ".join(f"{name} ({account})" for account, names in gone.items() for name in names)
    words = f"{who} is no longer in the layer, but you wanted to change something for them."
    return Observation(Verdict.CHANGED, words, by_item=gone) if gone else AGREES


def switch_refusal(layer: Layer, person: Person, fact: str, *, wanted: bool) -> EditRefused | None:
    """Return why a person can't be switched alone, or None if they can.

    Args:
        layer: the person's layer.
        fact: `login_profile` or `access_key`.
        wanted: whether to switch it on.
    """
    if person.editable and wanted and person.key_file not in layer.files.keys:
        what = f"{person.iam_name} has no PGP key to encrypt the {WORDS[fact]} for."
        return refuse(what, f"There is no {person.key_file or 'known key file'}.", person.place)
    return _refusal(person, lambda: own_switch(layer, person, fact))


def refusals(layer: Layer, person: Person, request: Request) -> Mapping[str, EditRefused]:
    """Return why a person's switches, as they are in the request, and their `key_file` can't be changed."""
    found: dict[str, EditRefused | None] = {}
    for fact in WORDS:
        decided = request.switch(layer.location.account, person.iam_name, fact)
        now = getattr(person, fact) if decided is None else decided
        found[fact] = switch_refusal(layer, person, fact, wanted=not now)
    found["key_file"] = _refusal(person, lambda: own_key_path(layer, person))
    return {name: refusal for name, refusal in found.items() if refusal is not None}


def fixed(layer: Layer) -> frozenset[str]:
    """Return the people who can only be changed by hand; in a list of names, one shows it for all."""
    alike: dict[str, bool] = {}
    for person in layer.people:
        if person.editable and person.style is Style.LIST and person.module not in alike:
            alike[person.module] = len(refusals(layer, person, Request())) > len(WORDS)
    return frozenset(
        person.iam_name for person in layer.people if not person.editable or alike.get(person.module)
    )


def _refusal(person: Person, change: Callable[[], object]) -> EditRefused | None:
    if not person.editable:
        what = f"iam-onboard can show {person.iam_name} but not edit it."
        return refuse(what, "Its declaration is computed, or in a file that cannot be parsed.", person.place)
    try:
        change()
    except EditRefused as refusal:
        return refusal
    return None


def key_file_words(layer: Layer, person: Person, name: str = "") -> Sentence:
    """Explain the effect of another name for a person's key file; "" is a name yet to be chosen."""
    if person.key_file in layer.files.keys:
        called = f"The key file will be called {name}. " if name else ""
        return f"{called}The key stays the same, so no password and no access key is reset."
    missing = f"There is no {person.key_file}."
    return f"{missing} {name} takes its place." if name else f"{missing} Machine users can share a key file."


def wrong_file(layer: Layer, person: Person, name: str) -> Sentence:
    """Return what is wrong with a new name for a person's key file; "" if nothing is."""
    found = RenameKeyFile(person.iam_name, name).check(layer)
    return next((problem.message for problem in found if problem.fatal), "")


def consequence(
    person: Person, fact: str, *, wanted: bool, left: bool, shared: tuple[str, ...] = ()
) -> Sentence:
    """Explain the effect of a switch on the person, in a sentence or two.

    Args:
        person: the person, as in the layer now.
        fact: `login_profile` or `access_key`.
        wanted: whether it is switched on.
        left: whether the other switch is on.
        shared: other users of the same key file.
    """
    if wanted:
        words = f"Gets a new {WORDS[fact]} at the apply, encrypted to {person.key_file}; Hand over has it."
        return words + (f" That key file also belongs to {', '.join(shared)}." if shared else "")
    words = (
        "The console password is deleted at the apply: no more signing in to the console."
        if fact == "login_profile"
        else "The access key is deleted at the apply: programs that use it stop working."
    )
    return words if left else f"{words} Then nothing is left to sign in with."


def switched(request: Request, account: str, person: Person, fact: str, decided: Request) -> Request:
    """Return the request with one switch toggled.

    A value that the layer already has isn't kept, unless it was written for an earlier decision of this
    session.

    Args:
        account: the person's layer.
        person: the person, as in the layer now; the switch's state is known.
        fact: `login_profile` or `access_key`.
        decided: the decision accepted earlier.
    """
    now, own = getattr(person, fact), request.of(account).access
    switches = dict(own.get(person.iam_name, {}))
    value = not switches.pop(fact, now)
    if value is not now or decided.switch(account, person.iam_name, fact) is value:
        switches[fact] = value
    own = {**own, person.iam_name: switches}
    return replace(request, access={**request.access, account: own}).trimmed()
