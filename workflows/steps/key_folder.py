"""A folder of what people sent: every file is read in parallel, and put to the person whose key it holds.

A file is for the person whose IAM name is in its own name, or who is named in a request in it; else for the
person whose name or mail address exactly one of the keys has. What is for nobody is listed, never dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workflows.core.errors import OnboardError
from workflows.core.files import FileError, explained, read_bytes
from workflows.core.sentences import Sentence, joined
from workflows.services.gpg.inspect import CheckedKey, check_key
from workflows.services.gpg.many_keys import check_keys, in_parallel
from workflows.services.gpg.normalise import KEYRING_LIMIT
from workflows.services.gpg.owner import Likeness, likeness
from workflows.services.gpg.refusals import EmptyKey, KeyRefused, KeyTooLarge, NotAPublicKey
from workflows.steps.base import Context, Progress, Report
from workflows.steps.judged_keys import KeyJudge, TakenKey, ranked
from workflows.steps.key_requests import check_project, request_in

_ENDINGS = {".asc", ".b64", ".base64", ".eml", ".gpg", ".key", ".kbx", ".pgp", ".pub", ".txt"}
_NO_KEY_AT_ALL = (NotAPublicKey, EmptyKey, KeyTooLarge, FileError)
MOST_FILES = 5_000
"""More files than this are no folder of keys; the first ones by name would be a guess."""


@dataclass(frozen=True)
class _Read:
    """A file and what is in it: the keys that can be read, or why there is none."""

    path: Path
    keys: tuple[CheckedKey, ...] = ()
    user: str = ""
    refusal: OnboardError | None = None


def person_of(file: Path, names: Sequence[str]) -> str:
    """Whose key a file is by its name, "" for nobody; a name may have dots, so only known endings are cut.

    `jane.doe`, `jane.doe.asc` and `request-jane.doe.txt` are for jane.doe.
    """
    stem = file.stem if file.suffix.casefold() in _ENDINGS else file.name
    wanted = {stem.casefold(), stem.casefold().removeprefix("request-")}
    return next((name for name in names if name.casefold() in wanted), "")


def take_in_folder(
    folder: Path, names: Sequence[str], context: Context, report: Report
) -> tuple[dict[str, TakenKey], dict[str, tuple[TakenKey, ...]], tuple[Sentence, ...]]:
    """The keys of a folder's files.

    Args:
        folder: the folder; folders in it and hidden files are passed over.
        names: those whose keys are wanted.
        context: what the step may read.
        report: takes the progress.

    Returns:
        Keys by person; for people with several keys, all of them, the best match first; and a sentence for
        each file that is for nobody or cannot be used.

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
        named = person_of(Path(one.user or one.path.name), names)
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
    return keys, choices, tuple(told)


def _files_in(folder: Path) -> list[Path]:
    with explained(folder, "read"):
        files = sorted(one for one in folder.iterdir() if one.is_file() and not one.name.startswith("."))
    if len(files) > MOST_FILES:
        raise OnboardError(
            "Too many files",
            f"{folder} has {len(files):,} files; up to {MOST_FILES:,} are read.",
            next="Put the keys into a folder of their own, and open that one.",
        )
    return files


def _read(file: Path, context: Context) -> _Read:
    """A file's keys; runs in a thread."""
    environment = context.world.environment
    if context.cancelled.is_set():
        return _Read(file)
    try:
        data = read_bytes(file, KEYRING_LIMIT)
        request = request_in(data)
        if request is not None:
            check_project(request, context)
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
        more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
        told.append(f"{one.path.name} is for nobody here: {', '.join(ids[:3])}{more}")
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
