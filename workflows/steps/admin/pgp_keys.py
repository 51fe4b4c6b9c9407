"""The PGP keys of people who join or get a new one: accepted in any form, judged before anything is written.

A bad key passes Terraform's plan and fails in the apply, after the IAM user exists. So every key is judged
for the AWS provider version that each layer has locked, with a sentence to send to its owner. Base64, an
armored block, a file, a whole mail, a request of iam-onboard, a keyring: each becomes the text of a key file.
If several keys come, the user chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from workflows.core.files import FileError, explained, read_bytes
from workflows.core.grouping import by_key
from workflows.core.openpgp import fingerprint_in, grouped, holds
from workflows.core.sentences import OnboardError, Problem, Sentence, enumerated, joined, listed
from workflows.environment import Environment
from workflows.gpg.inspect import CheckedKey, KeyDetails, check_key, inspect_key
from workflows.gpg.many_keys import Likeness, check_keys, in_parallel, likeness
from workflows.gpg.normalise import KEYRING_LIMIT, PublicKeyText, normalise
from workflows.gpg.refusals import EmptyKey, KeyRefused, KeyTooLarge, NotAPublicKey
from workflows.gpg.verdict import (
    SEVERITY,
    JudgedFile,
    JudgedKey,
    Verdict as KeyVerdict,
    VerdictKind,
    arrival_words,
    contents_of,
    judge,
    judge_file,
)
from workflows.layer.discover import ProjectError, provider_wanted
from workflows.layer.edit.key_files import sharing_key
from workflows.layer.model import Layer
from workflows.layer.names import is_machine_name
from workflows.machine.events import AGREES, Facts, Observation, Verdict
from workflows.messages.envelope import MessageError
from workflows.messages.file_names import request_file
from workflows.messages.invitation import Invitation
from workflows.messages.request import Request as KeyRequest, open_request
from workflows.steps.admin.edits import expired, other_keys, read_layers, rejected
from workflows.steps.admin.other_sessions import by_account, keys_of_later_sessions, other_keys_since
from workflows.steps.decisions import Comparison, DecidedKey, Decisions, Reset
from workflows.steps.shared.leftovers import RUNS
from workflows.steps.shared.module import Context, Progress, Report
from workflows.steps.shared.paths import is_path, typed_path
from workflows.steps.shared.to_send import ToSend, hand_out, mailed
from workflows.terraform.runner import Kind


@dataclass(frozen=True)
class Replacement:
    """A new key for an existing user.

    `pgp_key` forces a new login profile and a new access key for everybody who uses the key file. So the
    effect is shown per layer, confirmed by typing the name, and recorded with the key.

    Attributes:
        resets: what is reset, by account.
        unchanged: accounts whose layer holds this key already.
        by_hand: layers that don't show which file holds the key, as sentences with the place.
    """

    resets: Mapping[str, Reset] = field(default_factory=dict)
    unchanged: tuple[str, ...] = ()
    by_hand: tuple[Sentence, ...] = ()

    @property
    def same(self) -> bool:
        """Whether every layer that names a key already uses this one."""
        return bool(self.unchanged) and not self.resets and not self.by_hand

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        """The resets, one sentence per layer, naming everybody."""
        return tuple(
            f"{account} ({self.resets[account].file}): {_reset_words(self.resets[account])}"
            for account in self.in_use
        )

    @property
    def in_use(self) -> tuple[str, ...]:
        """The accounts in which something was made with the replaced key."""
        return tuple(account for account, reset in self.resets.items() if not reset.unused)

    def differing(self, other: Replacement) -> tuple[str, ...]:
        """Return the key files with which the two reset something else, as "security (keys/jane.doe)"."""
        differ = self.resets.items() ^ other.resets.items()
        return tuple(sorted({f"{account} ({reset.file})" for account, reset in differ}))


def _reset_words(reset: Reset) -> Sentence:
    kinds = {
        "the console password of {}": reset.passwords,
        "the access key of {}": reset.access_keys,
        "whatever {} got with this key": reset.unsure,
    }
    resets = " and ".join(words.format(enumerated(names)) for words, names in kinds.items() if names)
    replaced = f"the key it replaces is {grouped(reset.present)}" if reset.present else ""
    return joined((f"resets {resets}" if resets else "", replaced), "; ")


def replacement(
    name: str,
    key: PublicKeyText,
    layers: Mapping[str, Layer],
    decided: DecidedKey | None,
    unused: Container[str] = (),
) -> Replacement:
    """Return what somebody's key would replace, and the effect.

    For somebody who joins, that is a key already there under their name: a colleague's edit, or a leftover of
    an earlier stay.

    A file that holds the key already, in any wrapping that the provider reads, stays as it is.

    Args:
        layers: the session's layers, by account.
        decided: the key decided on earlier, if any; a key that this session wrote doesn't count as unchanged.
        unused: accounts in which no apply has used the key written for them.
    """
    before = decided.resets if decided and decided.text == key.text else {}
    resets: dict[str, Reset] = {}
    unchanged: list[str] = []
    by_hand: list[str] = []
    for account, layer in layers.items():
        person = layer.person(name)
        file = person.key_file if person else f"keys/{name}"
        present = layer.files.keys.get(file or "")
        same = present is not None and holds(present, key.text.encode())
        if file is None:
            place = f"{layer.location.relative}/{person.place if person else ''}"
            by_hand.append(f"{account}: the key file of {name} is computed; replace it by hand ({place}).")
        elif person is None:
            if present is not None and not same:
                resets[account] = _reset(layer, file)
        elif same and account not in before:
            unchanged.append(account)
        else:
            now = _reset(layer, file)
            now = replace(now, unused=account in unused and now.users == (name,))
            resets[account] = replace(now, present=before[account].present) if same else now
    return Replacement(resets, tuple(unchanged), tuple(by_hand))


def _reset(layer: Layer, file: str) -> Reset:
    sharing = [person for person in layer.people if person.key_file == file]
    return Reset(
        file,
        passwords=tuple(person.iam_name for person in sharing if person.login_profile),
        access_keys=tuple(person.iam_name for person in sharing if person.access_key),
        unsure=tuple(
            person.iam_name for person in sharing if not person.login_profile and not person.access_key
        ),
        present=fingerprint_in(layer.files.keys.get(file, b"")),
    )


def _never_applied(name: str, context: Context) -> list[str]:
    """Return accounts to which the session adds somebody and in which none of its applies has begun."""
    added, applied = context.decisions.users.add, context.of_each_item("applied")
    return [
        account
        for account, names in added.items()
        if name in names
        and account not in applied
        and not any((context.folder / RUNS / account).glob(f"{Kind.APPLY}*"))
    ]


@dataclass(frozen=True, kw_only=True)
class TakenKey(JudgedKey):
    """A key that somebody sent, normalised and judged.

    Attributes:
        name: the IAM user it is for.
        text: the key file as it would be written.
        origin: where it came from, as a noun phrase.
        likeness: how much its user ids match the person.
        replacement: what it replaces for an existing user; None for somebody who joins.
    """

    name: str
    text: str
    origin: Sentence
    likeness: Likeness = field(default=Likeness.SOME, compare=False)
    replacement: Replacement | None = None


def ranked(keys: Iterable[TakenKey]) -> tuple[TakenKey, ...]:
    """Sort keys for choosing, best first: matching names, then usable, then certain to work."""

    def place(key: TakenKey) -> tuple[int, bool, bool, int]:
        unsure = key.verdict.kind is not VerdictKind.WORKS
        return -key.likeness, not key.accepted, unsure, len(key.verdict.warnings)

    return tuple(sorted(keys, key=place))


_USUAL = frozenset({"RSA"})


def _kind(details: KeyDetails) -> frozenset[str]:
    """Return the algorithms and curves of a key."""
    return frozenset(part.curve or part.algorithm for part in details.parts)


class KeyJudge:
    """Judges keys for the layers as they are on disk now; thread-safe.

    Attributes:
        layers: the layers, by account.
        providers: the AWS provider that each layer requires, for `verdict.judge`; None if unknown.

    Args:
        context: what the step may read.

    Raises:
        OnboardError: a layer can't be read.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.layers: Mapping[str, Layer] = read_layers(context)
        self.providers: dict[str, str | None] = {}
        self._unknown: dict[str, Sentence] = {}
        for account, layer in self.layers.items():
            try:
                self.providers[account] = provider_wanted(layer.location.path)
            except ProjectError as error:
                self.providers[account], self._unknown[account] = None, joined((error.what, error.why))
        self._files = by_key(self._by_material())
        self._places = {place: places for places in self._files.values() for place in places}
        self._later = keys_of_later_sessions(context)

    def replaces(self, name: str) -> bool:
        """Return whether a key for this person replaces another."""
        return name in self._context.decisions.rekeying

    def is_there(self, name: str) -> str:
        """Return the IAM name, as spelled there, of somebody already in a layer; "" if nobody."""
        found = (layer.person(name) for layer in self.layers.values())
        return next((person.iam_name for person in found if person), "")

    def same_as(self, account: str, file: str) -> tuple[str, ...]:
        """Return the layers' other key files with the same key, such as `security: keys/jane.doe`.

        The same person having the same key in another layer is expected, and not listed.
        """
        places = self._places.get((account, file), ())
        return tuple(f"{other_account}: {path}" for other_account, path in places if path != file)

    def judge(
        self, name: str, checked: CheckedKey, source: Sentence, *, replacing: bool | None = None
    ) -> TakenKey:
        """Judge a key.

        Args:
            source: where it came from, as a noun phrase.
            replacing: whether it replaces another; None asks `replaces`.
        """
        replacing = self.replaces(name) if replacing is None else replacing
        stays_in = self._stays_in(name)
        goes_to = {
            account: layer
            for account, layer in self.layers.items()
            if (layer.person(name) is not None if replacing else account not in stays_in)
        }
        now, details = self._context.environment.now(), checked.details
        verdicts = {
            account: judge(details, self.providers[account], now, in_use=self._has_alike(details, account))
            for account in goes_to or self.layers
        }
        worst = max(verdicts.values(), key=lambda verdict: SEVERITY[verdict.kind])
        decided = self._context.decisions.keys.get(name)
        found = replacement(name, checked.key, goes_to, decided, _never_applied(name, self._context))
        unknown = (
            f"The AWS provider of {account} is unknown: {why}"
            for account, why in self._unknown.items()
            if account in verdicts
        )
        verdict = replace(
            worst,
            headline=f"{worst.headline}{self._where(verdicts, worst)}",
            sentence_for_owner=worst.sentence_for_owner or arrival_words(details),
            warnings=(*worst.warnings, *unknown, *self._about_others(name, checked)),
        )
        return TakenKey(
            name=name,
            text=checked.key.text,
            verdict=verdict,
            origin=source,
            **contents_of(details, now),
            likeness=likeness(name, details),
            replacement=found if replacing or found.resets else None,
        )

    def _has_alike(self, details: KeyDetails, account: str) -> bool:
        """Return whether a layer has another key of the same kind, if it isn't the usual one."""
        kind = _kind(details)
        return kind != _USUAL and any(
            fingerprint != details.fingerprint and kind == other
            for fingerprint, other in self._kinds_in(account)
        )

    def _kinds_in(self, account: str) -> Iterator[tuple[str, frozenset[str]]]:
        """Yield the fingerprint and the kind of each readable key of a layer."""
        variables = self._context.environment.variables
        for data in self.layers[account].files.keys.values():
            with suppress(OnboardError):  # its own line reports what is wrong with it
                details = inspect_key(normalise(data).binary, environment=variables)
                yield details.fingerprint, _kind(details)

    def _where(self, verdicts: Mapping[str, KeyVerdict], worst: KeyVerdict) -> Sentence:
        """Say which layers have the worst verdict, and what the others have; "" if all agree."""
        if len({verdict.kind for verdict in verdicts.values()}) == 1:
            return ""
        where = by_key(
            (verdict.kind, f"{account} (AWS provider {self.providers[account] or 'unknown'})")
            for account, verdict in verdicts.items()
        )
        headlines = {verdict.kind: verdict.headline for verdict in verdicts.values()}
        milder = (f"{where[kind][0]}: {headlines[kind]}" for kind in where if kind is not worst.kind)
        return f" in {', '.join(where[worst.kind])}; {'; '.join(milder)}"

    def _about_others(self, name: str, checked: CheckedKey) -> Iterator[Sentence]:
        """Yield remarks on other uses of this key in the layers, and on other keys of the same person."""
        same = self._files.get(checked.key.key_material, [])
        for account, file in same:
            users = sharing_key(self.layers[account], file)
            owners = [user for user in users if user.casefold() != name.casefold()]
            if owners:
                yield f"It is the key of {', '.join(owners)} in {account} too ({file})."
            elif not users and file != f"keys/{name}":
                yield f"It is also in {file} of {account}, which nobody uses."
        yield from self._another(name, same)
        yield from other_keys_since({name: checked.details.fingerprint}, self._later)
        if not likeness(name, checked.details):
            others = (other for other in people_of(self._context) if other != name)
            likely = [other for other in others if likeness(other, checked.details) is Likeness.FULL]
            but = f", but one looks like {listed(likely, 2)}" if likely else ""
            yield f"None of its user ids looks like {name}{but}."

    def _stays_in(self, name: str) -> dict[str, str | None]:
        """Return the accounts that have somebody who joins already, with the key file, which stays."""
        users = self._context.decisions.users
        return {
            account: person.key_file
            for account, layer in self.layers.items()
            if (person := layer.person(name)) and name not in users.of(account).add
        }

    def _another(self, name: str, same: list[tuple[str, str]]) -> Iterator[Sentence]:
        """Say where somebody who joins already has another key, which stays."""
        for account, file in {} if self.replaces(name) else self._stays_in(name).items():
            if file in self.layers[account].files.keys and (account, file) not in same:
                yield f"{account} has another key of {name}; it stays as it is there."

    def _by_material(self) -> Iterator[tuple[frozenset[bytes], tuple[str, str]]]:
        """Yield each readable key with the account and path of a key file that holds it."""
        for account, layer in self.layers.items():
            for path, data in layer.files.keys.items():
                with suppress(KeyRefused):  # reported where the files themselves are judged
                    yield normalise(data).key_material, (account, path)


_ENDINGS = {".asc", ".b64", ".base64", ".eml", ".gpg", ".key", ".kbx", ".pgp", ".pub", ".txt"}
_NO_KEY_AT_ALL = (NotAPublicKey, EmptyKey, KeyTooLarge, FileError)
MOST_FILES = 5_000
"""More files than this are no folder of keys; the first by name would be a guess."""


@dataclass(frozen=True)
class Taken:
    """The result of accepting input.

    Attributes:
        keys: keys by person.
        choices: for people with several keys, all of them, the best match first.
        unmatched: files that are for nobody here or hold no usable key, one sentence each.
        replaces: an existing IAM user who sent a new key, which is in `keys`; or "".
        asked: whether that person's request is marked as a replacement.
        reason: why, in the person's words, or "".
    """

    keys: Mapping[str, TakenKey] = field(default_factory=dict)
    choices: Mapping[str, tuple[TakenKey, ...]] = field(default_factory=dict)
    unmatched: tuple[Sentence, ...] = ()
    replaces: str = ""
    asked: bool = False
    reason: str = ""


def people_of(context: Context) -> tuple[str, ...]:
    """Return people whose keys are needed: first people who join, then people whose key is replaced."""
    return tuple(dict.fromkeys((*context.decisions.joining, *context.decisions.rekeying)))


def take_in_for(data: bytes | str, name: str, source: str, context: Context) -> Taken:
    """Accept pasted or opened data for a person, or for the person that a request in it names.

    Args:
        data: whatever was sent.
        name: the person it is for, unless it is a request from somebody else here.
        source: where it came from, as a noun phrase.

    Raises:
        OnboardError: it holds no public key, or is a request from somebody unknown or for another project.
    """
    if request := _request_in(data):
        return _from_request(request, name, source, context)
    found = check_keys(data, environment=context.environment.variables)
    judge = KeyJudge(context)
    readable = [judge.judge(name, key, source) for key in found if isinstance(key, CheckedKey)]
    if not readable:
        raise next(key for key in found if isinstance(key, KeyRefused))
    left_out = len(found) - len(readable)
    remarks = (f"gpg can't read {left_out} more in {source}.",) if left_out else ()
    if len(readable) == 1:
        return Taken(keys={name: readable[0]}, unmatched=remarks)
    return Taken(choices={name: ranked(readable)}, unmatched=remarks)


def take_in_typed(text: str, names: Iterable[str], context: Context, report: Report) -> Taken:
    """Accept input in the key field: a key, the path of a file or folder, or a key file of machine users.

    Args:
        text: the typed or pasted text.
        names: the people, as for `take_in_file`.

    Raises:
        Cancelled: the person stopped it.
        OnboardError: as in `take_in_file` and `take_in_for`.
    """
    if is_path(text, context.environment.home):
        return take_in_file(text, names, context, report)
    name, file = next(iter(names)), f"keys/{text.strip().removeprefix('keys/')}"
    layers, users = read_layers(context) if is_machine_name(name) else {}, context.decisions.users
    for account in sorted(layers, key=lambda account: name not in users.of(account).add):
        if file in layers[account].files.keys:
            return take_in_for(layers[account].files.keys[file], name, f"{file} in {account}", context)
    return take_in_for(text, name, "the pasted text", context)


def requests_at(text: str, names: Iterable[str], context: Context) -> dict[str, int]:
    """Return whose requests in Downloads typed text is the path of, with their file times."""
    home, downloads = context.environment.home, context.environment.downloads
    if not is_path(text, home):
        return {}
    place, found = typed_path(text, home), {}
    for name in names:
        file = downloads / request_file(name)
        with suppress(OSError):
            if place in {file, downloads}:
                found[name] = file.stat().st_mtime_ns
    return found


def take_in_file(path: str, names: Iterable[str], context: Context, report: Report) -> Taken:
    """Accept keys from a file, or from a folder of files.

    Args:
        path: the file or folder.
        names: the people; a file is for the first of them unless its name says otherwise.

    Raises:
        Cancelled: the person stopped it.
        OnboardError: it holds nothing for them, or can't be used.
    """
    place = typed_path(path, context.environment.home)
    wanted = list(names)
    if not place.is_dir():
        report(Progress(f"Reading {place.name}"))
        name = _person_of(place, wanted) or wanted[0]
        source = context.environment.readable(place)
        return take_in_for(read_bytes(place, KEYRING_LIMIT), name, source, context)
    return _take_in_folder(place, wanted, context, report)


def take_in_mail(names: Iterable[str], context: Context, report: Report) -> Taken:
    """Accept the requests of these people from the sandbox's mailbox.

    Args:
        names: people whose keys are needed.

    Raises:
        OnboardError: there is no mailbox or no request in it, or it can't be used.
    """
    mailbox = context.environment.mailbox
    if mailbox is None:
        raise OnboardError("No mailbox", "Only the sandbox has a mailbox.", next="Paste or open the key.")
    found: dict[str, TakenKey] = {}
    for name in names:
        if (mail := mailbox / request_file(name)).exists():
            report(Progress(f"Reading {mail.name}"))
            found |= take_in_for(read_bytes(mail, KEYRING_LIMIT), name, "the mailbox", context).keys
    if found:
        return Taken(found)
    raise OnboardError(
        "No request yet",
        "There is no request in the sandbox's mailbox.",
        next="Press F6 to play the other person, and send one.",
    )


def _from_request(request: KeyRequest, name: str, source: str, context: Context) -> Taken:
    same = (person for person in people_of(context) if person.casefold() == request.user.casefold())
    name = next(same, name)
    judge = KeyJudge(context)
    there = judge.is_there(request.user)
    _check_project(request, context)
    differs = request.user.casefold() != name.casefold()
    if differs and not there:
        raise OnboardError(
            "A request from another user",
            f"It is from {request.user}, but you are adding {name}'s key.",
            next=f"If {request.user} joins too, add them in Project; otherwise ask {name} for theirs.",
        )
    checked = check_key(request.public_key, environment=context.environment.variables)
    if differs:
        key = judge.judge(there, checked, f"{source} (request)", replacing=True)
        if key.replacement is not None and key.replacement.same:
            raise OnboardError(
                f"This is {there}'s key, not {name}'s",
                f"It is in use in {listed(key.replacement.unchanged, 2)} already.",
                next=f"Paste {name}'s.",
            )
        return Taken({there: key}, replaces=there, asked=request.replacement, reason=request.reason)
    key = judge.judge(name, checked, f"{source} (request)")
    if request.replacement and not judge.replaces(name) and there:
        remark = f"{name} wants a replacement and is in a layer already: see “Whose PGP key?” in Project."
        key = replace(key, verdict=replace(key.verdict, warnings=(*key.verdict.warnings, remark)))
    return Taken({name: key}, asked=request.replacement, reason=request.reason)


def _request_in(data: bytes | str) -> KeyRequest | None:
    """Return the request in the input, or None.

    Raises:
        KeyTooLarge: it is larger than any keyring.
        MessageError: it is a damaged or invalid request.
    """
    if len(data) > KEYRING_LIMIT:
        raise KeyTooLarge(parts="bytes", count=len(data), limit=KEYRING_LIMIT)
    text = data if isinstance(data, str) else data.decode("utf-8", errors="replace")
    try:
        return open_request(text)
    except MessageError:
        if "iam-onboard" in text and '"request"' in text:
            raise
        return None


def _check_project(request: KeyRequest, context: Context) -> None:
    """Refuse a request for another project.

    Raises:
        OnboardError: it is for another project.
    """
    if request.project != context.facts["project"]:
        raise OnboardError(
            "A request for another project",
            f"It is for {request.project}, but this is {context.facts['project']}.",
            next="Check that you pasted the right message.",
        )


@dataclass(frozen=True)
class _Read:
    """A file with its readable keys, or the reason why it has none."""

    path: Path
    keys: tuple[CheckedKey, ...] = ()
    user: str = ""
    refusal: OnboardError | None = None


def _person_of(file: Path, names: Sequence[str]) -> str:
    """Return the person in a file's name, "" if none; only known endings are cut, as names may have dots.

    `jane.doe`, `jane.doe.asc` and `request-jane.doe.txt` are for jane.doe.
    """
    stem = file.stem if file.suffix.casefold() in _ENDINGS else file.name
    wanted = {stem.casefold(), stem.casefold().removeprefix("request-")}
    return next((name for name in names if name.casefold() in wanted), "")


def _take_in_folder(folder: Path, names: Sequence[str], context: Context, report: Report) -> Taken:
    """Read the keys of a folder's files in parallel, and assign each to a person.

    A file belongs to the person whose IAM name is in its name or in a request in it; else to the person whose
    name or email address exactly one of the keys has. Files for nobody are listed, never dropped.

    Args:
        folder: the folder; subfolders and hidden files are skipped.
        names: people whose keys are needed.

    Raises:
        Cancelled: the person stopped it.
        OnboardError: the folder can't be read, has far too many files, or holds nothing for anybody.
    """
    files = _files_in(folder)
    judge = KeyJudge(context)
    tick = _counting(f"Reading {folder.name}", len(files), context, report)
    found = in_parallel(lambda file: _read(file, context), files, tick)
    offered: dict[str, list[TakenKey]] = {}
    remarks: list[Sentence] = []
    readable = context.environment.readable
    for file in found:
        named = _person_of(Path(file.user or file.path.name), names)
        matched = [(named or _person_by_key(key, names), key) for key in file.keys]
        for name, key in matched:
            if name:
                offered.setdefault(name, []).append(judge.judge(name, key, readable(file.path)))
        remarks += _unmatched(file, named, [key for name, key in matched if not name])
    keyless = sum(1 for file in found if isinstance(file.refusal, _NO_KEY_AT_ALL) and not file.keys)
    remarks += [f"{keyless} more file{'s hold' if keyless > 1 else ' holds'} no key"] if keyless else []
    if not offered:
        raise OnboardError(
            "No keys in this folder",
            f"{folder} has no usable key of {', '.join(names)}.",
            why="A file is for jane.doe if it is called jane.doe, jane.doe.asc or request-jane.doe.txt, or "
            "if the key in it has that name or email address.",
            next="Rename the files, or open them one by one.",
            detail=joined(remarks, "\n"),
        )
    distinct = {name: {key.fingerprint: key for key in reversed(keys)} for name, keys in offered.items()}
    keys = {name: next(iter(offers.values())) for name, offers in distinct.items() if len(offers) == 1}
    choices = {name: ranked(offers.values()) for name, offers in distinct.items() if len(offers) > 1}
    return Taken(keys, choices, tuple(remarks))


def _counting(words: Sentence, total: int, context: Context, report: Report) -> Callable[[int], None]:
    """Return a callback that reports how many are done, and stops if cancelled."""

    def tick(done: int) -> None:
        context.raise_if_cancelled()
        report(Progress(words, done, total))

    return tick


def _files_in(folder: Path) -> list[Path]:
    with explained(folder, "read"):
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    if len(files) > MOST_FILES:
        raise OnboardError(
            "Too many files",
            f"{folder} has {len(files):,} files; iam-onboard reads up to {MOST_FILES:,}.",
            next="Put the keys into a separate folder, and open that.",
        )
    return files


def _read(file: Path, context: Context) -> _Read:
    """Read a file's keys; runs in a thread."""
    environment = context.environment.variables
    if context.cancelled.is_set():
        return _Read(file)
    try:
        data = read_bytes(file, KEYRING_LIMIT)
        if request := _request_in(data):
            _check_project(request, context)
            return _Read(file, (check_key(request.public_key, environment=environment),), request.user)
        keys = check_keys(data, environment=environment)
    except OnboardError as refusal:
        return _Read(file, refusal=refusal)
    readable = tuple(key for key in keys if isinstance(key, CheckedKey))
    unreadable = [key for key in keys if isinstance(key, KeyRefused)]
    return _Read(file, readable, refusal=unreadable[0] if unreadable else None)


def _person_by_key(key: CheckedKey, names: Sequence[str]) -> str:
    """Return the only person whose name or email address a key has; "" if there are none or several."""
    fitting = [name for name in names if likeness(name, key.details) is Likeness.FULL]
    return fitting[0] if len(fitting) == 1 else ""


def _unmatched(file: _Read, named: str, keys: Sequence[CheckedKey]) -> Iterator[Sentence]:
    """Yield remarks on a file: its keys for nobody here, or why it can't be used.

    A file without any key and without a person's name is only counted.
    """
    if keys:
        ids = [next((user.text for user in key.details.user_ids), "a key without a name") for key in keys]
        yield f"{file.path.name} is for nobody here: {listed(ids, 3)}"
    if file.refusal and (named or not isinstance(file.refusal, _NO_KEY_AT_ALL)):
        yield f"{file.path.name}: {file.refusal.title}. {file.refusal.what}"


@dataclass(frozen=True)
class Request:
    """The person's decisions.

    Attributes:
        keys: each person's key, as far as it has arrived.
        confirmed: people whose replacement was confirmed by typing the name.
        comparisons: the answer about each key's fingerprint.
    """

    keys: Mapping[str, TakenKey]
    confirmed: frozenset[str] = frozenset()
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)


@dataclass(frozen=True)
class Gathered:
    """What was there before anybody pasted anything.

    Attributes:
        keys: keys by name, from key files in the layers and from earlier decisions.
        present: each person's key files in the layers, by name.
        old_mail: requests as in `mail_for` whose key is known: rejected, decided on, or the one
            that is to be replaced.
    """

    keys: Mapping[str, TakenKey]
    present: Mapping[str, tuple[PresentKey, ...]] = field(default_factory=dict)
    old_mail: Mapping[str, int] = field(default_factory=dict)


def gather(
    drafted: Mapping[str, str],
    origins: Mapping[str, Sentence],
    rejected: Mapping[str, str],
    context: Context,
    report: Report,
) -> Gathered:
    """Collect keys that are there already: in a layer's `keys/` folder, decided earlier, or in a draft.

    Somebody's current key in a layer isn't proposed as its own replacement.

    Args:
        drafted: key texts by name, from a draft.
        origins: where they came from, by name.
        rejected: fingerprints that don't match the owner's, by name; a request with such a key is old.

    Raises:
        Cancelled: the person stopped it.
        OnboardError: a layer can't be read.
    """
    report(Progress("Reading the current key files"))
    judge, people = KeyJudge(context), people_of(context)
    texts: dict[str, tuple[bytes | str, Sentence]] = {
        name: (layer.files.keys[f"keys/{name}"], f"{layer.location.relative}/keys/{name}")
        for layer in judge.layers.values()
        for name in people
        if f"keys/{name}" in layer.files.keys and not judge.replaces(name)
    }
    texts |= {name: (text, origins.get(name, "an earlier visit")) for name, text in drafted.items()}
    decided = context.decisions.keys.items()
    texts |= {
        name: (key.text, key.source) for name, key in decided if drafted.get(name, key.text) == key.text
    }
    wanted = [name for name in people if name in texts]

    def take(name: str) -> TakenKey | None:
        data, source = texts[name]
        try:
            checked = check_key(data, environment=context.environment.variables)
        except KeyRefused:
            return None  # a good key replaces an unreadable key file, which `present` reports
        return judge.judge(name, checked, source)

    tick = _counting("Reading the keys", len(wanted), context, report)
    keys = zip(wanted, in_parallel(take, wanted, tick), strict=True)
    rows = present_keys(context, report, people)
    present = {name: tuple(row for row in rows if row.concerns(name)) for name in people}
    return Gathered({name: key for name, key in keys if key}, present, _old_mail(rejected, context, report))


def _old_mail(rejected: Mapping[str, str], context: Context, report: Report) -> dict[str, int]:
    found = {}
    decisions = context.decisions
    for name, moment in mail_for(context).items():
        if name in decisions.rekeying or name in rejected or name in decisions.keys:
            with suppress(OnboardError):  # reading it reports what is wrong
                key = take_in_mail([name], context, report).keys[name]
                in_use = key.replacement is not None and key.replacement.same
                decided = name in decisions.keys and decisions.keys[name].fingerprint == key.fingerprint
                if in_use or decided or key.fingerprint == rejected.get(name):
                    found[name] = moment
    return found


def mail_for(context: Context) -> dict[str, int]:
    """Return people with requests in the sandbox's mailbox, with file times; {} outside the sandbox."""
    mailbox = context.environment.mailbox
    files = sorted(mailbox.glob("request-*.txt")) if mailbox is not None else []
    return {file.stem.removeprefix("request-"): file.stat().st_mtime_ns for file in files}


def invite(name: str, context: Context) -> ToSend:
    """Write the invitation for a person who hasn't sent a key, or is to send a new one, and hand it out.

    Raises:
        OnboardError: the name breaks a rule, or the text couldn't be put anywhere.
    """
    replaces = name in context.decisions.rekeying
    text = Invitation(str(context.facts["project"]), name, replaces=replaces).render()
    return send(name, f"The invitation for {name}", text, f"invitation-{name}.txt", context.environment)


def send(name: str, title: Sentence, text: str, file_name: str, environment: Environment) -> ToSend:
    """Put a text for a person into the sandbox's mailbox, or hand it out.

    Raises:
        OnboardError: it couldn't be put anywhere.
    """
    if not mailed(text, file_name, environment):
        return hand_out(title, text, file_name, environment)
    return ToSend(title, text, file_name, f"It is in the sandbox's mailbox, for {name}.", certain=True)


def validate(request: Request, context: Context) -> list[Problem]:
    """Require a usable key for everybody, and that every replacement changes something and was confirmed."""
    problems, people, used = [], people_of(context), context.decisions.keys
    if missing := [name for name in people if name not in request.keys]:
        have = "has" if len(missing) == 1 else "have"
        words = f"{listed(missing, 3)} {have} no key yet. Paste it here when it arrives."
        problems.append(Problem(words, "pasted"))
    given = {name: request.keys[name] for name in people if name in request.keys}
    for name, key in given.items():
        if not key.accepted:
            problems.append(Problem(f"{name}: {key.verdict.headline}. {key.verdict.explanation}", "people"))
            continue
        # otherwise the warnings were accepted earlier
        new = name not in used or used[name].fingerprint != key.fingerprint
        warnings = key.verdict.warnings if new else ()
        problems += [Problem(f"{name}: {words}", "people", fatal=False) for words in warnings]
        problems += about_replacement(key, confirmed=name in request.confirmed)
    return [*problems, *about_each_other([*given.values()])]


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Record the keys, which are public; Review writes them.

    Raises:
        OnboardError: a replacement would replace or reset something else than was confirmed.
    """
    report(Progress("Reading the layers again"))
    people = people_of(context)
    replacing = [key for key in map(request.keys.__getitem__, people) if key.replacement is not None]
    judge = KeyJudge(context) if replacing else None
    for key in replacing:
        checked = check_key(key.text, environment=context.environment.variables)
        now = judge.judge(key.name, checked, key.origin).replacement if judge else None
        if now != key.replacement:
            files = (now or Replacement()).differing(key.replacement or Replacement())
            raise OnboardError(
                "Something has changed meanwhile",
                f"{key.name}'s new key would replace or reset something other than what you saw"
                f"{f' in {listed(files, 3)}' if files else ''}.",
                why="A file of the layers has changed since you opened this step.",
                next="Go back one step, return here, and read it again.",
            )
    decided = {name: _decided(request.keys[name]) for name in people}
    said = {name: comparison for name, comparison in request.comparisons.items() if name in decided}
    wrong = _rejected_keys(decided, said, context.decisions)
    made = Decisions(keys=decided, comparisons=said, rejected_keys=wrong)
    return made.as_facts("keys", "comparisons", "rejected_keys")


def _rejected_keys(
    decided: Mapping[str, DecidedKey], said: Mapping[str, Comparison], before: Decisions
) -> dict[str, tuple[str, ...]]:
    """Return the fingerprints of keys that aren't their owner's, without those that turned out to be."""
    found = {name: {*fingerprints} for name, fingerprints in before.rejected_keys.items()}
    for name, key in before.keys.items():
        if before.comparison(name) is Comparison.DIFFERS:
            found.setdefault(name, set()).add(key.fingerprint)
    for name, key in decided.items():
        if said.get(name) is Comparison.SAME:
            found.get(name, set()).discard(key.fingerprint)
    return {name: tuple(sorted(fingerprints)) for name, fingerprints in found.items() if fingerprints}


def _decided(key: TakenKey) -> DecidedKey:
    return DecidedKey(
        key.text,
        key.fingerprint,
        key.algorithm,
        key.expires.isoformat() if key.expires else None,
        key.user_ids,
        key.verdict.kind.name.lower(),
        key.origin,
        key.replacement.resets if key.replacement else {},
        unlike=not key.likeness,
    )


def compared_before(context: Context) -> dict[str, tuple[str, str]]:
    """Return the recorded answers about fingerprints, by name, with the fingerprint."""
    decisions = context.decisions
    asked = {name: said for name in decisions.keys if (said := decisions.comparison(name))}
    return {name: (decisions.keys[name].fingerprint, said) for name, said in asked.items()}


def with_answer(name: str, said: Comparison, facts: Facts) -> Facts:
    """Return the recorded answers with another one about somebody's decided key."""
    return {"comparisons": {**(facts.get("comparisons") or {}), name: said}}


def differs_words(fingerprint: str) -> Sentence:
    """Return a message to somebody whose key arrived with a different fingerprint."""
    return (
        f"I received a PGP key in your name, with the fingerprint\n  {grouped(fingerprint)}\nIt isn't "
        "yours, so I won't use it. Please send your key again, over another channel:\n  gpg --armor "
        "--export YOUR_EMAIL"
    )


AtStake = frozenset[tuple[str, str, str]]
"""What a replacement resets: the new key's fingerprint, with each account and user."""


def at_stake(fingerprint: str, resets: Mapping[str, Reset]) -> AtStake:
    """Return the users for whom something was made with the replaced key, per account."""
    used = {account: reset for account, reset in resets.items() if not reset.unused}
    return frozenset((fingerprint, account, user) for account, reset in used.items() for user in reset.users)


def confirmed_before(context: Context) -> dict[str, AtStake]:
    """Return what the confirmed and recorded replacements reset, by name."""
    keys = context.decisions.keys.items()
    return {name: at_stake(key.fingerprint, key.resets) for name, key in keys if key.resets}


def observe(context: Context) -> Observation:
    """Check that each key is valid and its owner's, no foreign key replaced it, and nobody else shares it.

    The step opens again when somebody says that a key differs, unless a crash comes in between.
    """
    if wrong_keys := rejected(context):
        words = f"The key of {listed(wrong_keys, 3)} isn't theirs, as you said. Ask for their own."
        return Observation(Verdict.GONE, words, about=tuple(wrong_keys))
    if gone := expired(context):
        words = f"The key of {', '.join(gone)} has expired. Ask for a new one."
        return Observation(Verdict.GONE, words, about=tuple(gone))
    layers, later = read_layers(context), keys_of_later_sessions(context)
    others = [
        (account, other)
        for account, layer in layers.items()
        for other in other_keys(layer, context.decisions)
    ]
    if unknown := [(account, other) for account, other in others if other.known_by not in later]:
        wrong = {other.conflict: other.words for _, other in unknown}
        whose = by_account((account, other.name) for account, other in unknown)
        return Observation(Verdict.CHANGED, joined(wrong.values()), about=tuple(wrong), by_item=whose)
    if others:
        by = listed([*dict.fromkeys(later[other.known_by] for _, other in others)], 2)
        files = by_key((other.file, account) for account, other in others)
        where = joined((f"{file} in {enumerated(accounts)}" for file, accounts in files.items()), "; ")
        return Observation(Verdict.REVERTED, f"A later session replaced the key ({by}): {where}.")
    keys = context.decisions.keys.items()
    resets = ((name, *reset) for name, key in keys for reset in key.resets.items())
    for name, account, reset in resets:
        more = sorted({*sharing_key(layers[account], reset.file)}.difference(reset.users))
        if more:
            words = (
                f"{reset.file} of {account}, which is being replaced, is now also the key file of "
                f"{', '.join(more)}."
            )
            about = (account, reset.file, *more)
            return Observation(Verdict.CHANGED, words, about=about, by_item={account: (name,)})
    return AGREES


def about_replacement(key: TakenKey, *, confirmed: bool) -> list[Problem]:
    """Return the problems of a key that replaces another: it changes nothing, or wasn't confirmed."""
    replaced = key.replacement
    if replaced is None:
        return []
    problems = [Problem(words, "people", fatal=not replaced.resets) for words in replaced.by_hand]
    if replaced.unchanged and not replaced.resets:
        have = "has" if len(replaced.unchanged) == 1 else "have"
        words = f"{', '.join(replaced.unchanged)} already {have} this key of {key.name}: nothing to replace."
        problems.append(Problem(words, "people"))
    elif replaced.in_use and not confirmed:
        resets = joined(replaced.sentences, "; ")
        problems.append(
            Problem(f"The key of {key.name} replaces another one. Confirm to continue: {resets}.")
        )
    return problems


def about_each_other(keys: Sequence[TakenKey]) -> Iterator[Problem]:
    """Warn if two people have the same key; reject two keys for one file."""
    owners: dict[str, str] = {}
    files: dict[tuple[str, str], TakenKey] = {}
    for key in keys:
        first = owners.setdefault(key.fingerprint, key.name)
        if first != key.name:
            yield Problem(f"{first} and {key.name} have the same key.", "people", fatal=False)
        for account, reset in key.replacement.resets.items() if key.replacement else ():
            earlier = files.setdefault((account, reset.file), key)
            if earlier.fingerprint != key.fingerprint:
                who = f"{earlier.name} and {key.name}"
                words = f"{who} share {reset.file} of {account}, which can hold only one key."
                yield Problem(words, "people")


@dataclass(frozen=True, kw_only=True)
class PresentKey(JudgedKey):
    """A layer's existing key file.

    Attributes:
        account: the layer's account.
        file: its path in the layer, as `keys/jane.doe`.
        users: IAM names of the users who use it.
        same: other files of these layers with the same key, as `security: keys/machine.ci`.
    """

    account: str
    file: str
    users: tuple[str, ...]
    same: tuple[str, ...]

    def concerns(self, name: str) -> bool:
        """Return whether it belongs to a person, by its users or its name."""
        return name.casefold() in _names_of(self.file, self.users)


def _names_of(file: str, users: Iterable[str]) -> set[str]:
    """Return the people that a key file belongs to, by its name and its users, in lower case."""
    return {name.casefold() for name in (file.removeprefix("keys/"), *users)}


def present_keys(
    context: Context, report: Report, names: Collection[str] | None = None
) -> tuple[PresentKey, ...]:
    """Judge the layers' existing key files exactly as the provider would read them.

    They are shown, never rewritten: a changed file resets the passwords of everybody who uses it.

    Args:
        names: only for these people and file names; None for all.

    Returns:
        A row for each file, the worst first, then by layer and name.

    Raises:
        Cancelled: the person stopped it.
        OnboardError: a layer can't be read, or gpg is missing.
    """
    judge, wanted = KeyJudge(context), {name.casefold() for name in names or ()}
    files = [
        (account, path, data)
        for account, layer in judge.layers.items()
        for path, data in layer.files.keys.items()
        if names is None or wanted & _names_of(path, sharing_key(layer, path))
    ]

    def judged_file(file: tuple[str, str, bytes]) -> JudgedFile:
        account, _, data = file
        environment = context.environment
        return judge_file(
            data, judge.providers[account], environment.now(), environment=environment.variables
        )

    tick = _counting("Checking the key files", len(files), context, report)
    now = context.environment.now()
    rows = [
        PresentKey(
            account=account,
            file=path,
            users=sharing_key(judge.layers[account], path),
            same=judge.same_as(account, path),
            verdict=found.verdict,
            **(contents_of(found.key.details, now) if found.key else {}),
        )
        for (account, path, _), found in zip(files, in_parallel(judged_file, files, tick), strict=True)
    ]
    return tuple(sorted(rows, key=lambda row: (row.accepted, not row.soon)))
