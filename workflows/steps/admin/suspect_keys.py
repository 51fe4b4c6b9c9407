"""What speaks against a PGP key that nobody accepted, as far as this machine can tell.

A plan encrypts to whatever lies in a layer's `keys/`. A key that a session accepted is judged and compared
there. Any other one is there on somebody's word: git, the other key files and its own user ids are asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from workflows.core.grouping import by_key
from workflows.core.openpgp import fingerprint_in
from workflows.core.sentences import OnboardError, Sentence, enumerated, joined, listed
from workflows.git import Git
from workflows.gpg.inspect import inspect_key
from workflows.gpg.many_keys import likeness
from workflows.gpg.normalise import normalise
from workflows.layer.edit.key_files import sharing_key
from workflows.layer.model import Layer
from workflows.layer.names import is_machine_name
from workflows.layer.read.layer import read_layer
from workflows.steps.admin.other_sessions import Decided, all_answers, decided_elsewhere
from workflows.steps.admin.terraform_runs import located
from workflows.steps.decisions import Comparison
from workflows.steps.shared.module import Context

_END, _MOST = 8, 3


def how_to_compare(name: str) -> str:
    """Say with whom to compare a key's fingerprint."""
    if is_machine_name(name):
        return "Compare it with your own copy, or with the colleague who has the secret key."
    return f"Ask {name} to read it to you, in a call or in person."


def accepted_here(names: Iterable[str], layer: Layer, context: Context) -> list[str]:
    """Return the people whose key in a layer this session accepted, perhaps for another user of its file."""
    own = {name: key.fingerprint for name, key in context.decisions.keys.items()}
    return [
        name
        for name in names
        if name in own or fingerprint_of(name, layer) in {own.get(user) for user in _users(name, layer)}
    ]


def fingerprint_of(name: str, layer: Layer) -> str:
    """Return the fingerprint of somebody's key in a layer; "" without a readable one."""
    return fingerprint_in(layer.key_of(name) or b"")


def fingerprints_there(names: Iterable[str], context: Context) -> dict[str, str]:
    """Return the fingerprints of people's readable keys in the step's layer, by name.

    Raises:
        OnboardError: the layer can't be read.
    """
    layer = read_layer(located(context)[1])
    return {name: fingerprint for name in names if (fingerprint := fingerprint_of(name, layer))}


def to_compare(names: Iterable[str], accounts: Iterable[str], context: Context) -> dict[tuple[str, str], str]:
    """Return the fingerprints of people's keys that no session accepted as theirs, by name and account.

    Raises:
        OnboardError: a layer can't be read.
    """
    names, found = [*names], dict[tuple[str, str], str]()
    answers = all_answers(context, decided_elsewhere(context))
    for account in accounts:
        layer = read_layer(located(context, account)[1])
        for name in sorted({*names}.difference(accepted_here(names, layer, context))):
            fingerprint = fingerprint_of(name, layer)
            if fingerprint and answers.get((name, fingerprint)) is not Comparison.SAME:
                found[name, account] = fingerprint
    return found


def suspicions(
    names: Collection[str], context: Context, others: Decided, rekeyed: Collection[str] = ()
) -> dict[str, Sentence]:
    """Say of people's keys in the step's layer what speaks against them; nothing of keys that were compared.

    Nothing is said about a layer that can't be read; nothing can be planned or applied there.

    Args:
        others: the result of `decided_elsewhere`.
        rekeyed: those of them whose replaced password or access key was encrypted to another key.
    """
    try:
        here = read_layer(located(context)[1])
    except OnboardError:
        return {}
    asked = sorted({*names}.difference(accepted_here(names, here, context)))
    if not asked:
        return {}
    suspects = _Suspects(here, context, others, rekeyed)
    found = {name: (*suspects.reasons(name),) for name in asked if fingerprint_of(name, here)}
    return {
        name: joined(
            (
                f"{name}'s key in {context.item} ends in {fingerprint_of(name, here)[-_END:]}.",
                *why,
                f"Compare it with {'your own copy' if _is_machine(name, here) else name} first.",
            )
        )
        for name, why in found.items()
        if why
    }


class _Suspects:
    """The keys of one layer, among all that the project and its sessions know of them."""

    def __init__(self, here: Layer, context: Context, others: Decided, rekeyed: Collection[str]) -> None:
        self._here, self._context, self._rekeyed = here, context, rekeyed
        self._answers = all_answers(context, others)
        self._git = Git(context.root, context.environment.variables)

    def reasons(self, name: str) -> Iterator[Sentence]:
        """Yield what speaks against somebody's key."""
        fingerprint = fingerprint_of(name, self._here)
        said = {self._answers.get((user, fingerprint)) for user in (name, *_users(name, self._here))}
        if Comparison.SAME in said:
            return
        if name in self._rekeyed:
            yield f"What {name} has had so far was encrypted to another key."
        with suppress(OnboardError):  # there is no checkout, or the other steps report what is wrong with git
            yield from self._of_git(name, fingerprint)
        yield from self._of_others(name, fingerprint)
        with suppress(OnboardError):  # the key is judged before a plan
            yield from self._of_user_ids(name)

    def _of_git(self, name: str, fingerprint: str) -> Iterator[Sentence]:
        path = self._here.location.path / _file(name, self._here)
        known = [
            key
            for (whose, key), said in self._answers.items()
            if whose == name and said is Comparison.SAME and key != fingerprint
        ]
        before: Sentence = f"You compared another key of {name}, …{known[-1][-_END:]}." if known else ""
        if changed := self._git.dirty_files([path]):
            yield f"Its file {'is new' if changed[0].untracked else 'has changed'} and isn't committed."
        elif known and (commits := self._git.commits("HEAD", path)):
            before = joined((before, f"Commit {commits[0].name} by {commits[0].author} changed the file."))
        if before:
            yield before

    def _of_others(self, name: str, fingerprint: str) -> Iterator[Sentence]:
        machine = _is_machine(name, self._here)
        same = by_key(
            (owner, layer.location.account)
            for key, (layer, file) in self._key_files
            for owner in (_owners(layer, file) if key == fingerprint else ())
            if owner.casefold() != name.casefold() and not (machine and _is_machine(owner, layer))
        )
        if same:
            whose = [f"{owner} ({', '.join(dict.fromkeys(where))})" for owner, where in same.items()]
            yield f"It is also the key of {listed(whose, _MOST)}."
        other = [
            f"{layer.location.account} (…{key[-_END:]})"
            for layer in self._layers
            if layer.person(name) and (key := fingerprint_of(name, layer)) not in {"", fingerprint}
        ]
        if other:
            yield f"{name} has another key in {enumerated(other)}."

    def _of_user_ids(self, name: str) -> Iterator[Sentence]:
        data = self._here.key_of(name)
        if data is None or _is_machine(name, self._here):
            return
        details = inspect_key(normalise(data).binary, environment=self._context.environment.variables)
        if not likeness(name, details):
            yield f"None of its user ids looks like {name}."

    @cached_property
    def _layers(self) -> tuple[Layer, ...]:
        """The project's layers, as far as they can be read."""
        found = [self._here]
        for location in located(self._context)[0].layers:
            if location.account != self._context.item:
                with suppress(OnboardError):
                    found.append(read_layer(location))
        return tuple(found)

    @cached_property
    def _key_files(self) -> tuple[tuple[str, tuple[Layer, str]], ...]:
        return tuple(
            (fingerprint_in(data), (layer, path))
            for layer in self._layers
            for path, data in layer.files.keys.items()
        )


def _file(name: str, layer: Layer) -> Path:
    person = layer.person(name)
    return Path((person.key_file if person else None) or f"keys/{name}")


def _users(name: str, layer: Layer) -> tuple[str, ...]:
    """Return the users of somebody's key file."""
    return sharing_key(layer, _file(name, layer).as_posix())


def _owners(layer: Layer, file: str) -> tuple[str, ...]:
    """Return whose key file it is: its users, or else whom it is named after."""
    return sharing_key(layer, file) or (file.removeprefix("keys/"),)


def _is_machine(name: str, layer: Layer) -> bool:
    person = layer.person(name)
    return person.machine if person else is_machine_name(name)
