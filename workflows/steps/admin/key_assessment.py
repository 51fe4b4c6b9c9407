"""A key that somebody sent, with all that is to be said about it before it is written into the layers.

The verdict is per layer, since layers may lock different AWS providers, and the worst one counts. What else
is known comes from the layers as well: whose key it is already, and what replacing an older one resets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from workflows.core.openpgp import fingerprint_in, grouped, holds
from workflows.core.sentences import Sentence
from workflows.gpg.inspect import CheckedKey
from workflows.gpg.normalise import PublicKeyText, normalise
from workflows.gpg.owner import Likeness, likeness, looks_like
from workflows.gpg.refusals import KeyRefused
from workflows.gpg.verdict import ACCEPTED, Verdict, VerdictKind, arrival_words, judge
from workflows.layer.edit.key_files import sharing_key
from workflows.layer.model import Layer
from workflows.steps.admin.edits import read_layers
from workflows.steps.decisions import DecidedKey, Reset
from workflows.steps.shared.module import Context
from workflows.terraform.requirements import provider_wanted

_SEVERITY = {
    VerdictKind.WORKS: 0,
    VerdictKind.UNVERIFIED: 1,
    VerdictKind.REFUSED_BY_US: 2,
    VerdictKind.REFUSED_BY_PROVIDER: 3,
}


class Mark(Enum):
    """A verdict at a glance: a sign, and a word for it."""

    REFUSED = "✗", "refused"
    LOOK = "!", "look"
    WORKS = "✓", "works"

    def __init__(self, sign: str, word: str) -> None:
        self.sign = sign
        self.word = word

    @classmethod
    def of(cls, kind: VerdictKind, warnings: Sequence[Sentence]) -> Mark:
        """The mark of a verdict; one with warnings is to be looked at."""
        if kind not in ACCEPTED:
            return cls.REFUSED
        return cls.LOOK if warnings or kind is VerdictKind.UNVERIFIED else cls.WORKS

    def __str__(self) -> str:
        return f"{self.sign} {self.word}"


@dataclass(frozen=True)
class Replacement:
    """A new key for somebody who is there already.

    `pgp_key` forces a new login profile and a new access key of everybody who has the key file. So this is
    shown per layer, confirmed with the typed name, and recorded with the key.

    Attributes:
        resets: what is reset, by account.
        unchanged: the accounts whose layer holds this key already.
        by_hand: where the layer does not say which file holds the key, as sentences with the place.
    """

    resets: Mapping[str, Reset] = field(default_factory=dict)
    unchanged: tuple[str, ...] = ()
    by_hand: tuple[Sentence, ...] = ()

    @property
    def told(self) -> tuple[Sentence, ...]:
        """What is reset, a sentence for each layer that names everybody."""
        return tuple(f"{account} ({one.file}): {_reset_words(one)}" for account, one in self.resets.items())


def _reset_words(reset: Reset) -> str:
    kinds = {
        "the console password of {}": reset.passwords,
        "the access key of {}": reset.access_keys,
        "whatever {} got with this key": reset.unsure,
    }
    resets = " and ".join(words.format(_listed(names)) for words, names in kinds.items() if names)
    there = f"the key there now is {grouped(reset.present)}" if reset.present else ""
    return "; ".join(part for part in (f"resets {resets}" if resets else "", there) if part)


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def replacement(
    name: str, key: PublicKeyText, layers: Mapping[str, Layer], decided: DecidedKey | None
) -> Replacement:
    """What somebody's key would replace, and what that would do.

    For somebody who joins that is a key which lies there under their name already: a colleague's edit, or
    what was left of an earlier stay.

    A file that holds the key already, in whatever wrapping the provider can read, stays as it is.

    Args:
        name: the IAM name.
        key: the new key.
        layers: those that are worked on, by account.
        decided: the key that was decided on before, if there is one: what this session wrote is no reason to
            call the key unchanged.
    """
    before = decided.resets if decided and decided.text == key.text else {}
    resets: dict[str, Reset] = {}
    unchanged: list[str] = []
    by_hand: list[str] = []
    for account, layer in layers.items():
        person = layer.person(name)
        if person is None:
            file = f"keys/{name}"
            there = layer.files.keys.get(file)
            if there is not None and not holds(there, key.text.encode()):
                resets[account] = _reset(layer, file)
            continue
        if person.key_file is None:
            place = f"{layer.location.relative}/{person.place}"
            by_hand.append(f"{account}: the key file of {name} is computed; replace it by hand ({place}).")
            continue
        present = layer.files.keys.get(person.key_file)
        same = present is not None and holds(present, key.text.encode())
        if same and account not in before:
            unchanged.append(account)
        else:
            now = _reset(layer, person.key_file)
            resets[account] = replace(now, present=before[account].present) if same else now
    return Replacement(resets, tuple(unchanged), tuple(by_hand))


def _reset(layer: Layer, file: str) -> Reset:
    sharing = [one for one in layer.people if one.key_file == file]
    return Reset(
        file,
        passwords=tuple(one.iam_name for one in sharing if one.login_profile),
        access_keys=tuple(one.iam_name for one in sharing if one.access_key),
        unsure=tuple(one.iam_name for one in sharing if not one.login_profile and not one.access_key),
        present=fingerprint_in(layer.files.keys.get(file, b"")),
    )


@dataclass(frozen=True)
class TakenKey:
    """A key that somebody sent, normalised and judged.

    Attributes:
        name: the IAM user it is for.
        text: the key file, as it would be written.
        fingerprint: of the primary key, 40 upper-case hexadecimal digits.
        algorithm: as "RSA 4096".
        expires: when it stops being usable, ISO 8601, or None for never.
        user_ids: the user ids in it.
        accepted: whether it may be written.
        verdict: how it ends.
        headline: the verdict in a few words.
        explanation: why, in a sentence or two.
        for_owner: what to send to its owner.
        warnings: what to know although it may be used.
        origin: where it came from, in words.
        likeness: how much its user ids look like the person.
        replacement: what it replaces, where the person is there already; None for somebody who joins.
    """

    name: str
    text: str
    fingerprint: str
    algorithm: str
    expires: str | None
    user_ids: tuple[str, ...]
    accepted: bool
    verdict: VerdictKind
    headline: Sentence
    explanation: Sentence
    for_owner: Sentence
    warnings: tuple[Sentence, ...]
    origin: Sentence
    likeness: Likeness = field(default=Likeness.SOME, compare=False)
    replacement: Replacement | None = None

    @property
    def mark(self) -> Mark:
        """The verdict at a glance."""
        return Mark.of(self.verdict, self.warnings)


def ranked(keys: Iterable[TakenKey]) -> tuple[TakenKey, ...]:
    """Keys to choose from, the likeliest first: whose names fit, that may be used, that are sure to work."""

    def place(key: TakenKey) -> tuple[int, bool, bool, int]:
        unsure = key.verdict is not VerdictKind.WORKS
        return -key.likeness, not key.accepted, unsure, len(key.warnings)

    return tuple(sorted(keys, key=place))


@dataclass(frozen=True)
class _Provider:
    """The AWS provider that a layer asks for: a version or constraint, None if unknown; and why."""

    wanted: str | None
    trouble: Sentence = ""

    def __str__(self) -> str:
        return f"AWS provider {self.wanted}" if self.wanted else "AWS provider unknown"


class KeyJudge:
    """Judges keys for the layers as they are on disk now; safe to use from several threads.

    Args:
        context: what the step may read.

    Raises:
        OnboardError: a layer cannot be read.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.layers: Mapping[str, Layer] = read_layers(context)
        self._providers = {account: _provider(layer) for account, layer in self.layers.items()}
        self._files = self._by_material()
        self._places = {place: places for places in self._files.values() for place in places}

    def provider(self, account: str) -> str | None:
        """The AWS provider that an account's layer asks for, as `verdict.judge` takes it."""
        return self._providers[account].wanted

    def replaces(self, name: str) -> bool:
        """Whether a key for this person replaces one that is there."""
        return name in self._context.decisions.rekeying

    def is_there(self, name: str) -> str:
        """The IAM name of somebody who is in a layer already, as it is spelled there; "" for nobody."""
        found = (layer.person(name) for layer in self.layers.values())
        return next((person.iam_name for person in found if person), "")

    def same_as(self, account: str, file: str) -> tuple[str, ...]:
        """The other key files of these layers with the same key as a file, as `security: keys/jane.doe`.

        That the same person has the same key in another layer is as it should be, and not reported.
        """
        places = self._places.get((account, file), ())
        return tuple(f"{one}: {path}" for one, path in places if path != file)

    def judge(
        self, name: str, checked: CheckedKey, source: Sentence, *, replacing: bool | None = None
    ) -> TakenKey:
        """All that is to be said about a key.

        Args:
            name: the person that it is for.
            checked: the key.
            source: where it came from, in words.
            replacing: whether it replaces one that is there; None asks `replaces`.
        """
        replacing = self.replaces(name) if replacing is None else replacing
        concerned = [one for one, layer in self.layers.items() if not replacing or layer.person(name)]
        now, details = self._context.world.now(), checked.details
        verdicts = {one: judge(details, self.provider(one), now) for one in concerned or self.layers}
        worst = max(verdicts.values(), key=lambda verdict: _SEVERITY[verdict.kind])
        expires = details.expires(now)
        part = details.encryption_part(now) or details.primary
        decided = self._context.decisions.keys.get(name)
        found = replacement(name, checked.key, self.layers, decided)
        warnings = (*worst.warnings, *self._about_providers(verdicts), *self._about_others(name, checked))
        return TakenKey(
            name=name,
            text=checked.key.text,
            fingerprint=details.fingerprint,
            algorithm=part.description,
            expires=expires.isoformat() if expires else None,
            user_ids=tuple(user_id.text for user_id in details.user_ids if user_id.holds),
            accepted=worst.accepted,
            verdict=worst.kind,
            headline=f"{worst.headline}{self._where(verdicts, worst)}",
            explanation=worst.explanation,
            for_owner=worst.sentence_for_owner or arrival_words(details),
            warnings=warnings,
            origin=source,
            likeness=likeness(name, details),
            replacement=found if replacing or found.resets else None,
        )

    def _where(self, verdicts: Mapping[str, Verdict], worst: Verdict) -> Sentence:
        """For which layers the worst verdict is, and what the others say; "" where all say the same."""
        if len({verdict.kind for verdict in verdicts.values()}) == 1:
            return ""
        where: dict[VerdictKind, list[str]] = {}
        for account, verdict in verdicts.items():
            where.setdefault(verdict.kind, []).append(f"{account} ({self._providers[account]})")
        headlines = {verdict.kind: verdict.headline for verdict in verdicts.values()}
        others = (f"{where[one][0]}: {headlines[one]}" for one in where if one is not worst.kind)
        return f" in {', '.join(where[worst.kind])}; {'; '.join(others)}"

    def _about_providers(self, verdicts: Mapping[str, Verdict]) -> list[Sentence]:
        troubles = {one: self._providers[one].trouble for one in verdicts}
        return [f"The AWS provider of {one} is unknown: {why}" for one, why in troubles.items() if why]

    def _about_others(self, name: str, checked: CheckedKey) -> list[Sentence]:
        """What the layers say about this key, or about another key of the same person."""
        told: list[Sentence] = []
        same = self._files.get(checked.key.key_material, [])
        for account, file in same:
            users = sharing_key(self.layers[account], file)
            others = [one for one in users if one.casefold() != name.casefold()]
            if others:
                told.append(f"It is the key of {', '.join(others)} in {account} too ({file}).")
            elif not users and file != f"keys/{name}":
                told.append(f"It also lies in {file} of {account}, which nobody uses.")
        told += self._another(name, same)
        if not looks_like(name, checked.details):
            told.append(f"None of its user ids looks like {name}: read the fingerprint out to each other.")
        return told

    def _another(self, name: str, same: list[tuple[str, str]]) -> list[Sentence]:
        """Where somebody who joins has another key already, which stays."""
        if self.replaces(name):
            return []
        users = self._context.decisions.users
        told: list[Sentence] = []
        for account, layer in self.layers.items():
            person = layer.person(name)
            file = person.key_file if person and name not in users.of(account).add else None
            if file and file in layer.files.keys and (account, file) not in same:
                told.append(f"{account} has another key of {name}; it stays as it is there.")
        return told

    def _by_material(self) -> dict[frozenset[bytes], list[tuple[str, str]]]:
        """Account and path of every readable key file, by the key in it."""
        found: dict[frozenset[bytes], list[tuple[str, str]]] = {}
        for account, layer in self.layers.items():
            for path, data in layer.files.keys.items():
                try:
                    material = normalise(data).key_material
                except KeyRefused:
                    continue  # a file without one public key is told where the files themselves are judged
                found.setdefault(material, []).append((account, path))
        return found


def _provider(layer: Layer) -> _Provider:
    try:
        return _Provider(provider_wanted(layer.location.path))
    except ValueError as error:
        return _Provider(None, str(error))
