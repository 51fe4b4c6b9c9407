"""Whatever people send, taken in as one form: a public key with the verdict on it.

Base64, an armored block, a file, a whole mail, a request of iam-onboard, a keyring: each becomes the text of
a key file, judged for the AWS provider of each layer. Where several keys come, the choice is the person's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from workflows.core.counts import listed
from workflows.core.errors import OnboardError
from workflows.core.files import FileError, explained, read_bytes
from workflows.core.sentences import Sentence, joined
from workflows.gpg.inspect import CheckedKey, check_key
from workflows.gpg.many_keys import check_keys, in_parallel
from workflows.gpg.normalise import KEYRING_LIMIT
from workflows.gpg.owner import Likeness, likeness
from workflows.gpg.refusals import EmptyKey, KeyRefused, KeyTooLarge, NotAPublicKey
from workflows.messages.envelope import MessageError
from workflows.messages.request import Request, open_request
from workflows.steps.admin.key_assessment import KeyJudge, TakenKey, ranked
from workflows.steps.shared.module import Context, Progress, Report
from workflows.steps.shared.paths import is_path, typed_path

_ENDINGS = {".asc", ".b64", ".base64", ".eml", ".gpg", ".key", ".kbx", ".pgp", ".pub", ".txt"}
_NO_KEY_AT_ALL = (NotAPublicKey, EmptyKey, KeyTooLarge, FileError)
MOST_FILES = 5_000
"""More files than this are no folder of keys; the first ones by name would be a guess."""


@dataclass(frozen=True)
class Taken:
    """What came of something that was sent.

    Attributes:
        keys: keys by the person that they are for.
        choices: where several keys came for a person, all of them, the best match first.
        unmatched: files that are for nobody here, or hold no key that can be used, each in a sentence.
        replaces: an IAM user who is there already and sent a new key, which is in `keys`; or "".
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
    """Those whose keys are wanted: who joins, then whose key is replaced."""
    return tuple(dict.fromkeys((*context.decisions.joining, *context.decisions.rekeying)))


def take_in_for(data: bytes | str, name: str, source: str, context: Context) -> Taken:
    """What was pasted or opened, for a person, or for whom a request in it names.

    Args:
        data: whatever was sent.
        name: the person it is meant for, unless it is a request of somebody else here.
        source: where it came from, in words.
        context: what the step may read.

    Raises:
        OnboardError: there is no public key in it, or it is a request of somebody unknown or for another
            project.
    """
    request = _request_in(data)
    if request is not None:
        return _from_request(request, name, source, context)
    found = check_keys(data, environment=context.world.environment)
    judge = KeyJudge(context)
    readable = [judge.judge(name, key, source) for key in found if isinstance(key, CheckedKey)]
    if not readable:
        raise next(key for key in found if isinstance(key, KeyRefused))
    left_out = len(found) - len(readable)
    told = (f"{left_out} more in {source} that gpg cannot read.",) if left_out else ()
    if len(readable) == 1:
        return Taken(keys={name: readable[0]}, unmatched=told)
    return Taken(choices={name: ranked(readable)}, unmatched=told)


def take_in_typed(text: str, names: Iterable[str], context: Context, report: Report) -> Taken:
    """What was put into the field for keys: a key, or the path of a file or folder as a terminal drops it.

    Args:
        text: what was typed or pasted.
        names: the persons, as for `take_in_file`.
        context: what the step may read.
        report: takes the progress.

    Raises:
        Cancelled: the person stopped it.
        OnboardError: as of `take_in_file` and `take_in_for`.
    """
    wanted = list(names)
    if is_path(text, context.world.home):
        return take_in_file(text, wanted, context, report)
    return take_in_for(text, wanted[0], "pasted", context)


def take_in_file(path: str, names: Iterable[str], context: Context, report: Report) -> Taken:
    """Keys from a file, or from a folder of files.

    Args:
        path: the file or folder.
        names: the persons; for a file, the first is whom it is for, unless the file's name says another.
        context: what the step may read.
        report: takes the progress.

    Raises:
        Cancelled: the person stopped it.
        OnboardError: nothing for them is there, or the file cannot be used.
    """
    place = typed_path(path, context.world.home)
    wanted = list(names)
    if not place.is_dir():
        report(Progress(f"Reading {place.name}"))
        name = _person_of(place, wanted) or wanted[0]
        return take_in_for(read_bytes(place, KEYRING_LIMIT), name, str(place), context)
    return _take_in_folder(place, wanted, context, report)


def take_in_mail(names: Iterable[str], person: str, context: Context, report: Report) -> Taken:
    """What is in the sandbox's mailbox: requests of these people, else one of somebody who is there already.

    Args:
        names: those whose keys are wanted.
        person: whom the next key is for.
        context: what the step may read.
        report: takes the progress.

    Raises:
        OnboardError: there is no mailbox or no request in it, or it cannot be used.
    """
    mailbox = context.world.mailbox
    if mailbox is None:
        raise OnboardError("No mailbox", "Only the sandbox has a mailbox.", next="Paste or open the key.")
    found: dict[str, TakenKey] = {}
    for name in names:
        if (mailbox / f"request-{name}.txt").exists():
            found |= take_in_file(str(mailbox / f"request-{name}.txt"), [name], context, report).keys
    if found:
        return Taken(found)
    judge = KeyJudge(context)
    for file in sorted(mailbox.glob("request-*.txt")):
        if judge.is_there(file.stem.removeprefix("request-")):
            return take_in_file(str(file), [person], context, report)
    raise OnboardError(
        "No request yet",
        "There is no request in the sandbox's mailbox.",
        next="Press F3, start as the new user, and send one.",
    )


def _from_request(request: Request, name: str, source: str, context: Context) -> Taken:
    people = people_of(context)
    same = (one for one in people if one.casefold() == request.user.casefold())
    name = next(same, name)
    judge = KeyJudge(context)
    there = judge.is_there(request.user)
    _check_project(request, context)
    other = request.user.casefold() != name.casefold()
    if other and not there:
        raise OnboardError(
            "A request from another user",
            f"It is from {request.user}, but you are taking in the key of {name}.",
            next=f"If {request.user} joins too, say so in the Project step; else ask {name} for theirs.",
        )
    checked = check_key(request.public_key, environment=context.world.environment)
    if other:
        key = judge.judge(there, checked, f"{source} (request)", replacing=True)
        return Taken({there: key}, replaces=there, asked=request.replacement, reason=request.reason)
    key = judge.judge(name, checked, f"{source} (request)")
    if request.replacement and not judge.replaces(name) and there:
        remark = f"{name} wants a replacement and is in a layer already: see “New PGP key for?” in Project."
        key = replace(key, warnings=(*key.warnings, remark))
    return Taken({name: key}, asked=request.replacement, reason=request.reason)


def _request_in(data: bytes | str) -> Request | None:
    """The request in what was sent, or None.

    Raises:
        KeyTooLarge: it is more than any keyring has.
        MessageError: it is a request, and damaged or wrong.
    """
    if len(data) > KEYRING_LIMIT:
        raise KeyTooLarge(len(data), KEYRING_LIMIT)
    text = data if isinstance(data, str) else data.decode("utf-8", errors="replace")
    try:
        return open_request(text)
    except MessageError:
        if "iam-onboard" in text and '"request"' in text:
            raise
        return None


def _check_project(request: Request, context: Context) -> None:
    """Refuse a request for another project.

    Raises:
        OnboardError: it is for another one.
    """
    project = context.facts["project"]
    if request.project != project:
        raise OnboardError(
            "A request for another project",
            f"It is for {request.project}, but this is {project}.",
            next="Check that you pasted the right message.",
        )


@dataclass(frozen=True)
class _Read:
    """A file and what is in it: the keys that can be read, or why there is none."""

    path: Path
    keys: tuple[CheckedKey, ...] = ()
    user: str = ""
    refusal: OnboardError | None = None


def _person_of(file: Path, names: Sequence[str]) -> str:
    """Whose key a file is by its name, "" for nobody; a name may have dots, so only known endings are cut.

    `jane.doe`, `jane.doe.asc` and `request-jane.doe.txt` are for jane.doe.
    """
    stem = file.stem if file.suffix.casefold() in _ENDINGS else file.name
    wanted = {stem.casefold(), stem.casefold().removeprefix("request-")}
    return next((name for name in names if name.casefold() in wanted), "")


def _take_in_folder(folder: Path, names: Sequence[str], context: Context, report: Report) -> Taken:
    """The keys of a folder's files, read in parallel, each put to the person whose key it holds.

    A file is for the person whose IAM name is in its own name, or who is named in a request in it; else for
    the person whose name or mail address exactly one of the keys has. What is for nobody is listed, never
    dropped.

    Args:
        folder: the folder; folders in it and hidden files are passed over.
        names: those whose keys are wanted.
        context: what the step may read.
        report: takes the progress.

    Raises:
        Cancelled: the person stopped it.
        OnboardError: the folder cannot be read, has far too many files, or nothing in it is for anybody.
    """
    files = _files_in(folder)
    judge = KeyJudge(context)

    def tick(done: int) -> None:
        context.raise_if_cancelled()
        report(Progress(f"Reading {folder.name}", done, len(files)))

    found = in_parallel(lambda file: _read(file, context), files, tick)
    offered: dict[str, list[TakenKey]] = {}
    told: list[Sentence] = []
    for one in found:
        named = _person_of(Path(one.user or one.path.name), names)
        matched = [(named or _person_by_key(key, names), key) for key in one.keys]
        for name, key in matched:
            if name:
                offered.setdefault(name, []).append(judge.judge(name, key, str(one.path)))
        told += _unmatched(one, named, [key for name, key in matched if not name])
    others = sum(1 for one in found if isinstance(one.refusal, _NO_KEY_AT_ALL) and not one.keys)
    told += [f"{others} more file{'s hold' if others > 1 else ' holds'} no key"] if others else []
    if not offered:
        raise _nothing_there(folder, names, told)
    distinct = {name: {key.fingerprint: key for key in reversed(keys)} for name, keys in offered.items()}
    keys = {name: next(iter(some.values())) for name, some in distinct.items() if len(some) == 1}
    choices = {name: ranked(some.values()) for name, some in distinct.items() if len(some) > 1}
    return Taken(keys, choices, tuple(told))


def _files_in(folder: Path) -> list[Path]:
    with explained(folder, "read"):
        files = sorted(one for one in folder.iterdir() if one.is_file() and not one.name.startswith("."))
    if len(files) > MOST_FILES:
        raise OnboardError(
            "Too many files",
            f"{folder} has {len(files):,} files; up to {MOST_FILES:,} are read.",
            next="Put the keys into a separate folder, and open that.",
        )
    return files


def _read(file: Path, context: Context) -> _Read:
    """A file's keys; runs in a thread."""
    environment = context.world.environment
    if context.cancelled.is_set():
        return _Read(file)
    try:
        data = read_bytes(file, KEYRING_LIMIT)
        request = _request_in(data)
        if request is not None:
            _check_project(request, context)
            return _Read(file, (check_key(request.public_key, environment=environment),), request.user)
        keys = check_keys(data, environment=environment)
    except OnboardError as refusal:
        return _Read(file, refusal=refusal)
    readable = tuple(key for key in keys if isinstance(key, CheckedKey))
    unreadable = [key for key in keys if isinstance(key, KeyRefused)]
    return _Read(file, readable, refusal=unreadable[0] if unreadable else None)


def _person_by_key(key: CheckedKey, names: Sequence[str]) -> str:
    """The one person whose name or mail address a key has; "" for nobody, and for more than one."""
    fitting = [name for name in names if likeness(name, key.details) is Likeness.FULL]
    return fitting[0] if len(fitting) == 1 else ""


def _unmatched(one: _Read, named: str, keys: Sequence[CheckedKey]) -> list[Sentence]:
    """What to say about a file: keys in it that are for nobody here, or why it cannot be used.

    A file that has nothing of a key, and nobody's name, is only counted.
    """
    told: list[Sentence] = []
    if keys:
        ids = [next((user.text for user in key.details.user_ids), "a key without a name") for key in keys]
        told.append(f"{one.path.name} is for nobody here: {listed(ids, 3)}")
    if one.refusal and (named or not isinstance(one.refusal, _NO_KEY_AT_ALL)):
        told.append(f"{one.path.name}: {one.refusal.title}. {one.refusal.what}")
    return told


def _nothing_there(folder: Path, names: Sequence[str], told: Sequence[Sentence]) -> OnboardError:
    return OnboardError(
        "No keys in this folder",
        f"{folder} has no usable key of {', '.join(names)}.",
        why="A file is for jane.doe if it is called jane.doe, jane.doe.asc or request-jane.doe.txt, or if "
        "the key in it has that name or mail address.",
        next="Rename the files, or open them one by one.",
        detail=joined(told, "\n"),
    )
