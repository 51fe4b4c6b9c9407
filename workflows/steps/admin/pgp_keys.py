"""The PGP keys of those who join or get a new one: whatever they sent, judged before anything is written.

A bad key passes Terraform's plan and fails in the apply, after the IAM user exists. So every key gets the
verdict for the AWS provider that each layer has locked, with the sentence to send to its owner.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from workflows.core.errors import OnboardError, Problem
from workflows.core.files import write_atomically
from workflows.core.sentences import Sentence, joined
from workflows.desktop.clipboard import ClipboardUnavailable
from workflows.gpg.inspect import check_key
from workflows.gpg.key_file import JudgedFile, judge_file
from workflows.gpg.many_keys import in_parallel
from workflows.gpg.refusals import KeyRefused
from workflows.gpg.verdict import ACCEPTED, EXPIRES_SOON, VerdictKind
from workflows.layer.edit.key_files import sharing_key
from workflows.layer.model import Layer
from workflows.machine.events import Facts
from workflows.machine.observations import AGREES, Observation, Verdict
from workflows.messages.invitation import Invitation
from workflows.steps.admin import declarations
from workflows.steps.admin.edits import expired, other_keys, read_layers
from workflows.steps.admin.key_assessment import KeyJudge, Mark, TakenKey
from workflows.steps.admin.key_intake import people_of
from workflows.steps.decisions import DecidedKey, Decisions
from workflows.steps.shared.module import Context, Progress, Report
from workflows.steps.shared.paths import told_path

STEP = declarations.PGP_KEYS


@dataclass(frozen=True)
class Request:
    """What the person decides.

    Attributes:
        keys: the key of each person, as far as there is one.
        confirmed: those whose replacement was confirmed with the typed name.
    """

    keys: Mapping[str, TakenKey]
    confirmed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Gathered:
    """What was there before anybody pasted anything.

    Attributes:
        keys: keys by name, from key files that the layers hold already and from what was decided before.
        mail: names of requests in the sandbox's mailbox.
        present: by name, the key files of that person that lie in the layers.
    """

    keys: Mapping[str, TakenKey]
    mail: tuple[str, ...]
    present: Mapping[str, tuple[PresentKey, ...]] = field(default_factory=dict)


def gather(drafted: Mapping[str, str], context: Context, report: Report) -> Gathered:
    """Keys that are there already: in a layer's `keys/` folder, decided before, or in a draft.

    The key that somebody has in a layer is no new one, so it is not proposed for its own replacement.

    Args:
        drafted: key texts by name, from a draft.
        context: what the step may read.
        report: takes the progress.

    Raises:
        Cancelled: the person stopped it.
        OnboardError: a layer cannot be read.
    """
    report(Progress("Reading the present key files"))
    judge, people = KeyJudge(context), people_of(context)
    texts: dict[str, tuple[bytes | str, Sentence]] = {
        name: (layer.files.keys[f"keys/{name}"], f"{layer.location.relative}/keys/{name}")
        for layer in judge.layers.values()
        for name in people
        if f"keys/{name}" in layer.files.keys and not judge.replaces(name)
    }
    texts |= {name: (key.text, key.source) for name, key in context.decisions.keys.items()}
    texts |= {name: (text, "taken in before") for name, text in drafted.items()}
    wanted = [name for name in people if name in texts]

    def take(name: str) -> TakenKey | None:
        data, source = texts[name]
        try:
            checked = check_key(data, environment=context.world.environment)
        except KeyRefused:
            return None  # an unreadable key file is replaced by a good one; `present` tells of it
        return judge.judge(name, checked, source)

    def tick(done: int) -> None:
        context.raise_if_cancelled()
        report(Progress("Reading the keys", done, len(wanted)))

    found = dict(zip(wanted, in_parallel(take, wanted, tick), strict=True))
    rows = present_keys(context, report, people)
    present = {name: tuple(row for row in rows if row.concerns(name)) for name in people}
    return Gathered({name: key for name, key in found.items() if key}, mail_for(context), present)


def mail_for(context: Context) -> tuple[str, ...]:
    """Those whose keys are wanted and who have a request in the sandbox's mailbox; nobody outside of it."""
    requests = {name: context.world.mail(f"request-{name}.txt") for name in people_of(context)}
    return tuple(name for name, file in requests.items() if file and file.exists())


def invite(name: str, context: Context) -> Sentence:
    """Make the text to send to a person who has not sent a key, and hand it out; returns where it is.

    Raises:
        OnboardError: the name breaks a rule, or the text could not be put anywhere.
    """
    text = Invitation(str(context.facts["project"]), name).render()
    file_name = f"invitation-{name}.txt"
    mail = context.world.mail(file_name)
    if mail is None:
        return hand_out(text, file_name, context)
    write_atomically(mail, text.encode())
    return f"It is in the sandbox's mailbox, for {name}."


def hand_out(text: str, file_name: str, context: Context) -> Sentence:
    """Copy a text that is to be sent, or save it at home where there is no clipboard; returns which.

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
    """Everybody has a key that may be written, and every replacement does something and was confirmed."""
    problems, people = [], people_of(context)
    for name in people:
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
            problems += about_replacement(key, confirmed=name in request.confirmed)
    return problems + about_each_other([request.keys[one] for one in people if one in request.keys])


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Record the keys; they are public, and written by Review.

    Raises:
        OnboardError: what a replacement resets is no longer what was confirmed.
    """
    report(Progress("Looking at the layers once more"))
    people = people_of(context)
    replacing = [key for key in map(request.keys.__getitem__, people) if key.replacement is not None]
    judge = KeyJudge(context) if replacing else None
    for key in replacing:
        checked = check_key(key.text, environment=context.world.environment)
        if judge is None or judge.judge(key.name, checked, key.origin).replacement != key.replacement:
            raise OnboardError(
                "Something has changed meanwhile",
                f"The new key of {key.name} would reset other things than you saw.",
                why="A file of the layers has changed since you opened this step.",
                next="Go back one step, come here again, and read it once more.",
            )
    return Decisions(keys={name: _decided(request.keys[name]) for name in people}).as_facts(*STEP.gives)


def _decided(key: TakenKey) -> DecidedKey:
    return DecidedKey(
        key.text,
        key.fingerprint,
        key.algorithm,
        key.expires,
        key.user_ids,
        key.verdict.name.lower(),
        key.origin,
        key.replacement.resets if key.replacement else {},
    )


def confirmed_before(context: Context) -> dict[str, str]:
    """The replacements that were confirmed and recorded, as name and fingerprint."""
    keys = context.decisions.keys
    return {name: key.fingerprint for name, key in keys.items() if key.resets}


def observe(context: Context) -> Observation:
    """No key has expired, none of another origin lies in its place, and nobody has come to share its file."""
    if gone := expired(context):
        words = f"The key of {', '.join(gone)} has expired. Ask for a new one."
        return Observation(Verdict.GONE, words, about=tuple(gone))
    layers = read_layers(context)
    for layer in layers.values():
        if others := other_keys(layer, context.decisions):
            told = joined([one.words for one in others], " ")
            return Observation(Verdict.CHANGED, told, about=tuple(one.identity for one in others))
    keys = context.decisions.keys.values()
    for account, reset in ((account, reset) for key in keys for account, reset in key.resets.items()):
        more = sorted({*sharing_key(layers[account], reset.file)}.difference(reset.users))
        if more:
            words = f"{', '.join(more)} of {account} has come to share {reset.file}, which is replaced."
            return Observation(Verdict.CHANGED, words, about=(account, reset.file, *more))
    return AGREES


def about_replacement(key: TakenKey, *, confirmed: bool) -> list[Problem]:
    """What is not right with a key that replaces another one: it changes nothing, or was not confirmed."""
    replaced = key.replacement
    if replaced is None:
        return []
    problems = [Problem(words, "people", fatal=not replaced.resets) for words in replaced.by_hand]
    if replaced.unchanged and not replaced.resets:
        words = (
            f"{', '.join(replaced.unchanged)} has this very key of {key.name} already: nothing to replace."
        )
        problems.append(Problem(words, "people"))
    elif replaced.resets and not confirmed:
        told = joined(replaced.told, "; ")
        problems.append(Problem(f"The key of {key.name} replaces another one. Confirm to continue: {told}."))
    return problems


def about_each_other(keys: Sequence[TakenKey]) -> list[Problem]:
    """Two people with one key is odd; two keys for one file cannot be."""
    problems: list[Problem] = []
    owners: dict[str, str] = {}
    files: dict[tuple[str, str], TakenKey] = {}
    for key in keys:
        first = owners.setdefault(key.fingerprint, key.name)
        if first != key.name:
            problems.append(Problem(f"{first} and {key.name} have the same key.", "people", fatal=False))
        for account, reset in key.replacement.resets.items() if key.replacement else ():
            other = files.setdefault((account, reset.file), key)
            if other.fingerprint != key.fingerprint:
                who = f"{other.name} and {key.name}"
                words = f"{who} share {reset.file} of {account}: it can hold one key only."
                problems.append(Problem(words, "people"))
    return problems


@dataclass(frozen=True)
class PresentKey:
    """A key file of a layer, as it is.

    Attributes:
        account: the layer's account.
        file: its path in the layer, as `keys/jane.doe`.
        users: IAM names of those who have it.
        same: other files of these layers with the same key, as `security: keys/machine.ci`.
        kind: how the verdict ends.
        headline: the verdict in a few words.
        explanation: why, in a sentence or two.
        warnings: what to know although it works.
        expires: the day that it stops being usable, in UTC; None for never, and where there is no key.
        soon: whether that day is less than thirty days off, or past.
        algorithm: as "RSA 4096", or "" where there is no key.
        fingerprint: of the primary key, 40 upper-case hexadecimal digits, or "".
        user_ids: the user ids in it.
        for_owner: what to send to its owner, or "".
    """

    account: str
    file: str
    users: tuple[str, ...]
    same: tuple[str, ...]
    kind: VerdictKind
    headline: Sentence
    explanation: Sentence
    warnings: tuple[Sentence, ...]
    expires: date | None
    soon: bool
    algorithm: str
    fingerprint: str
    user_ids: tuple[str, ...]
    for_owner: Sentence

    @property
    def accepted(self) -> bool:
        """Whether the provider can use the file."""
        return self.kind in ACCEPTED

    def concerns(self, name: str) -> bool:
        """Whether it is a person's, by the users that have it or by its name."""
        names = {self.file.removeprefix("keys/"), *self.users}
        return name.casefold() in {one.casefold() for one in names}

    @property
    def mark(self) -> Mark:
        """The verdict at a glance."""
        return Mark.of(self.kind, self.warnings)


def present_keys(
    context: Context, report: Report, names: Collection[str] | None = None
) -> tuple[PresentKey, ...]:
    """Judge the key files that lie in the layers already, to the letter as the provider would read them.

    They are shown, never rewritten: a changed file resets the passwords of everybody who has it.

    Args:
        context: what the step may read.
        report: takes the progress.
        names: of these people and file names only; None for all.

    Returns:
        A row for each file, the worst first, then by layer and name.

    Raises:
        Cancelled: the person stopped it.
        OnboardError: a layer cannot be read, or gpg is missing.
    """
    judge = KeyJudge(context)
    files = [
        (account, path, data)
        for account, layer in judge.layers.items()
        for path, data in layer.files.keys.items()
        if names is None or _concerns(layer, path, names)
    ]

    def one(file: tuple[str, str, bytes]) -> JudgedFile:
        account, _, data = file
        return judge_file(
            data,
            judge.provider(account),
            context.world.now(),
            environment=context.world.environment,
        )

    def tick(done: int) -> None:
        context.raise_if_cancelled()
        report(Progress("Judging the key files", done, len(files)))

    judged = in_parallel(one, files, tick)
    rows = [
        _row(judge.layers[account], path, found, judge.same_as(account, path), context)
        for (account, path, _), found in zip(files, judged, strict=True)
    ]
    return tuple(sorted(rows, key=lambda row: (row.accepted, not row.soon)))


def _concerns(layer: Layer, path: str, names: Collection[str]) -> bool:
    wanted = {name.casefold() for name in names}
    return any(one.casefold() in wanted for one in (path.removeprefix("keys/"), *sharing_key(layer, path)))


def _row(layer: Layer, path: str, found: JudgedFile, same: tuple[str, ...], context: Context) -> PresentKey:
    verdict, now = found.verdict, context.world.now()
    details = found.key.details if found.key else None
    expires = details.expires(now) if details else None
    part = (details.encryption_part(now) or details.primary) if details else None
    return PresentKey(
        account=layer.location.account,
        file=path,
        users=sharing_key(layer, path),
        same=same,
        kind=verdict.kind,
        headline=verdict.headline,
        explanation=verdict.explanation,
        warnings=verdict.warnings,
        expires=expires.date() if expires else None,
        soon=expires is not None and expires < now + EXPIRES_SOON,
        algorithm=part.description if part else "",
        fingerprint=details.fingerprint if details else "",
        user_ids=tuple(one.text for one in details.user_ids if one.holds) if details else (),
        for_owner=verdict.sentence_for_owner,
    )
