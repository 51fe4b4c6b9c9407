"""Whatever people send, taken in as one form: a public key with the verdict on it.

Base64, an armored block, a file, a whole mail, a request of iam-onboard: each becomes the text of a key file,
judged for the AWS provider that each layer has locked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from workflows.errors import OnboardError
from workflows.messages.envelope import MessageError
from workflows.messages.request import Request as SentRequest
from workflows.messages.request import open_request
from workflows.services.files import explained, read_bytes
from workflows.services.gpg.inspect import KeyDetails, check_key
from workflows.services.gpg.normalise import normalise, same_key
from workflows.services.gpg.verdict import VerdictKind, judge
from workflows.steps.base import Context, Progress, Report
from workflows.steps.edits import read_layers
from workflows.steps.places import typed_path

MAX_FILE_BYTES = 1_000_000
_ENDINGS = {".asc", ".b64", ".base64", ".eml", ".gpg", ".key", ".pgp", ".pub", ".txt"}


@dataclass(frozen=True)
class TakenKey:
    """A key that somebody sent, normalised and judged.

    Attributes:
        name: the IAM user it is for.
        text: the key file, as it would be written.
        fingerprint: of the primary key, 40 upper-case hexadecimal digits.
        grouped: the fingerprint in groups of four.
        algorithm: as "RSA 4096".
        expires: when it stops being usable, ISO 8601, or None for never.
        user_ids: the user ids in it.
        accepted: whether it may be written.
        verdict: the verdict's kind.
        headline: the verdict in a few words.
        explanation: why, in a sentence or two, with the error that the apply would have ended with.
        for_owner: what to send to its owner, or "".
        warnings: what to know although it may be used.
        source: where it came from, in words.
    """

    name: str
    text: str
    fingerprint: str
    grouped: str
    algorithm: str
    expires: str | None
    user_ids: tuple[str, ...]
    accepted: bool
    verdict: str
    headline: str
    explanation: str
    for_owner: str
    warnings: tuple[str, ...]
    source: str


def take_in(data: bytes | str, name: str, source: str, context: Context) -> TakenKey:
    """A key from a text or a file, for a person.

    A request text names its own person and project, which have to be the right ones.

    Args:
        data: whatever was sent.
        name: the IAM user it is meant for.
        source: where it came from, in words.
        context: what the step may read.

    Raises:
        OnboardError: it is no public key, or a request for somebody else or for another project.
    """
    text = data if isinstance(data, str) else data.decode("utf-8", errors="replace")
    request = _request_in(text)
    if request is not None:
        _check_request(request, name, context)
        data = request.public_key
        source = f"{source} (request)"
    checked = check_key(data, environment=context.world.environment)
    return _judged(name, checked.key.text, checked.details, source, context)


def take_in_for(data: bytes | str, name: str, source: str, context: Context) -> dict[str, TakenKey]:
    """As `take_in`; a request that names another person who joins is taken in for that one.

    Raises:
        OnboardError: as for `take_in`.
    """
    request = _request_in(data if isinstance(data, str) else data.decode("utf-8", errors="replace"))
    if request is not None:
        same = (one for one in context.facts["joining"] if one.casefold() == request.user.casefold())
        name = next(same, name)
    return {name: take_in(data, name, source, context)}


def take_in_file(path: str, names: Iterable[str], context: Context, report: Report) -> dict[str, TakenKey]:
    """Keys from a file, or from a folder with one file a person.

    In a folder, a file is for the person whose IAM name is in its own name: `jane.doe`, `jane.doe.asc`,
    `request-jane.doe.txt`.

    Args:
        path: the file or folder.
        names: the persons; for a file, the first is whom it is for, unless the file's name tells another.
        context: what the step may read.
        report: takes the progress.

    Raises:
        OnboardError: nothing for them is there, or something that is there cannot be used.
    """
    place = typed_path(path, context.world.home)
    wanted = list(names)
    if not place.is_dir():
        name = _person_of(place, wanted) or wanted[0]
        return take_in_for(read_bytes(place, MAX_FILE_BYTES), name, str(place), context)
    found: dict[str, TakenKey] = {}
    for file in _files_in(place):
        name = _person_of(file, wanted)
        if name and file.is_file():
            context.raise_if_cancelled()
            report(Progress(f"Reading {file.name}", len(found), len(wanted)))
            found[name] = take_in(read_bytes(file, MAX_FILE_BYTES), name, str(file), context)
    if not found:
        raise OnboardError(
            "No keys in this folder",
            f"{place} has no file that is named after somebody who joins.",
            why="A file for jane.doe is called jane.doe, jane.doe.asc or request-jane.doe.txt.",
            next="Rename the files, or open them one by one.",
        )
    return found


def _request_in(text: str) -> SentRequest | None:
    try:
        return open_request(text)
    except MessageError:
        if "iam-onboard" in text and '"request"' in text:
            raise
        return None


def _check_request(request: SentRequest, name: str, context: Context) -> None:
    project = context.facts["project"]
    if request.project != project:
        raise OnboardError(
            "A request for another project",
            f"It asks for {request.project}, and this is {project}.",
            next="Check that you pasted the right message.",
        )
    if request.user.casefold() != name.casefold():
        raise OnboardError(
            "A request of somebody else",
            f"It is from {request.user}, and you are taking in the key of {name}.",
            next=f"If {request.user} joins too, say so in the Project step; else ask {name} for theirs.",
        )


def _files_in(folder: Path) -> list[Path]:
    with explained(folder, "read"):
        return sorted(folder.iterdir())


def _person_of(file: Path, names: list[str]) -> str:
    """Whose key a file is by its name, "" for nobody; a name may have dots, so only known endings are cut."""
    stem = file.stem if file.suffix.casefold() in _ENDINGS else file.name
    return next((name for name in names if name in {stem, stem.removeprefix("request-")}), "")


def _judged(name: str, text: str, details: KeyDetails, source: str, context: Context) -> TakenKey:
    now = context.world.now()
    layers = read_layers(context)
    versions = {layer.location.locked.version if layer.location.locked else None for layer in layers.values()}
    verdicts = [judge(details, version, now) for version in sorted(versions, key=str)]
    worst = max(verdicts, key=lambda verdict: _SEVERITY[verdict.kind])
    explanation = worst.explanation
    if worst.provider_error:
        explanation += f" The apply would end with: {worst.provider_error}"
    expires = details.expires(now)
    part = details.encryption_part(now) or details.primary
    return TakenKey(
        name=name,
        text=text,
        fingerprint=details.fingerprint,
        grouped=details.grouped_fingerprint,
        algorithm=part.description,
        expires=expires.isoformat() if expires else None,
        user_ids=tuple(user_id.text for user_id in details.user_ids if not user_id.revoked),
        accepted=worst.accepted,
        verdict=worst.kind.name.lower(),
        headline=worst.headline,
        explanation=explanation,
        for_owner=worst.sentence_for_owner,
        warnings=(*worst.warnings, *_about_others(name, text, details, context)),
        source=source,
    )


_SEVERITY = {
    VerdictKind.WORKS: 0,
    VerdictKind.UNVERIFIED: 1,
    VerdictKind.REFUSED_BY_US: 2,
    VerdictKind.REFUSED_BY_PROVIDER: 3,
}


def _about_others(name: str, text: str, details: KeyDetails, context: Context) -> list[str]:
    """What the layers say about this key, or about another key of the same person."""
    joined = (context.facts.get("user_changes") or {}).get("add", {})
    layers = read_layers(context)
    told = []
    for account, layer in layers.items():
        used = {(one.key_file or "").rpartition("/")[2] for one in layer.people}
        for file, present in layer.keys.items():
            same = _same(present, text)
            if same and file != name:
                told.append(f"It is also the key file {file} of {account}.")
            elif file == name and not same and name in used and name not in joined.get(account, ()):
                told.append(f"{account} has another key of {name}; it stays as it is there.")
    words = {part for part in name.casefold().replace("-", ".").replace("_", ".").split(".") if len(part) > 2}
    ids = " ".join(user_id.text for user_id in details.user_ids).casefold()
    if words and not any(word in ids for word in words):
        told.append(f"None of its user ids looks like {name}: read the fingerprint out to each other.")
    return told


def _same(present: str, text: str) -> bool:
    return same_key(present, normalise(text))
