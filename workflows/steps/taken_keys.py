"""Whatever people send, taken in as one form: a public key with the verdict on it.

Base64, an armored block, a file, a whole mail, a request of iam-onboard, a keyring: each becomes the text of
a key file, judged for the AWS provider of each layer. Where several keys come, the choice is the person's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from workflows.core.errors import OnboardError
from workflows.core.files import read_bytes
from workflows.core.sentences import Sentence
from workflows.messages.request import Request as SentRequest
from workflows.services.gpg.inspect import CheckedKey, check_key
from workflows.services.gpg.many_keys import check_keys
from workflows.services.gpg.normalise import KEYRING_LIMIT
from workflows.services.gpg.refusals import KeyRefused
from workflows.steps.base import Context, Progress, Report
from workflows.steps.judged_keys import KeyJudge, TakenKey, ranked
from workflows.steps.key_folder import person_of, take_in_folder
from workflows.steps.key_requests import check_project, check_request, request_in
from workflows.steps.places import is_path, typed_path

__all__ = [
    "Taken",
    "TakenKey",
    "people_of",
    "take_in_file",
    "take_in_for",
    "take_in_mail",
    "take_in_typed",
]


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
    request = request_in(data)
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
        names: the persons; for a file, the first is whom it is for, unless the file's name tells another.
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
        name = person_of(place, wanted) or wanted[0]
        return take_in_for(read_bytes(place, KEYRING_LIMIT), name, str(place), context)
    keys, choices, unmatched = take_in_folder(place, wanted, context, report)
    return Taken(keys, choices, unmatched)


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
        next="Press F3, begin as the new user, and send one.",
    )


def _from_request(request: SentRequest, name: str, source: str, context: Context) -> Taken:
    people = people_of(context)
    same = (one for one in people if one.casefold() == request.user.casefold())
    name = next(same, name)
    judge = KeyJudge(context)
    there = judge.is_there(request.user)
    if request.user.casefold() != name.casefold() and there:
        check_project(request, context)
        checked = check_key(request.public_key, environment=context.world.environment)
        key = judge.judge(there, checked, f"{source} (request)", replacing=True)
        return Taken({there: key}, replaces=there, asked=request.replacement, reason=request.reason)
    check_request(request, name, context)
    checked = check_key(request.public_key, environment=context.world.environment)
    key = judge.judge(name, checked, f"{source} (request)")
    if request.replacement and not judge.replaces(name) and there:
        remark = f"{name} wants a replacement and is in a layer already: see “New PGP key for?” in Project."
        key = replace(key, warnings=(*key.warnings, remark))
    return Taken({name: key}, asked=request.replacement, reason=request.reason)
