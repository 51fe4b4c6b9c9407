"""Places that only a person can edit: computed, commented out, or rejected by an operation.

The wizard names them wherever it meets them, and opens the person's own editor there. The result shows only
in the file, before and after; the step's screen reads the layer again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from workflows.core.files import read_bytes
from workflows.core.sentences import OnboardError, Problem, Sentence, joined
from workflows.desktop.editor import arguments, editor_of, run_editor
from workflows.hcl.document import Document
from workflows.layer.edit.operation import EditRefused
from workflows.layer.edit.run import EditUnsafe
from workflows.layer.model import Finding, Layer, Place
from workflows.layer.write import FileChange
from workflows.steps.shared.module import Context

_HCL = {".tf", ".tfvars", ".config"}
_MAX_FILE = 50_000_000


@dataclass(frozen=True)
class Spot:
    """A line to edit by hand.

    Attributes:
        words: what is there and why it isn't edited, as a sentence.
        account: the account of the layer.
        place: file and line, relative to the layer folder.
        path: the file, absolute.
        group: the label of the group whose members are meant; otherwise "".
    """

    words: Sentence
    account: str
    place: Place
    path: Path
    group: str = ""

    def __str__(self) -> str:
        return f"{self.account} {self.place}: {self.words}"


class NotPossible(OnboardError):  # noqa: N818 - it reads better where it is raised
    """The layer can't be edited that way.

    Attributes:
        spot: where to do it by hand, or None if it isn't a single place.
    """

    spot: Spot | None = None


def spot_at(layer: Layer, place: Place, words: Sentence) -> Spot:
    """Return the spot for a place in a layer."""
    return Spot(words, layer.location.account, place, layer.location.path / place.file)


def spots_of(layer: Layer, findings: Iterable[Finding]) -> tuple[Spot, ...]:
    """Return the spots of some of a layer's findings, those to edit by hand first."""
    ordered = sorted(findings, key=lambda finding: not finding.hand_edit)
    return tuple(
        replace(spot_at(layer, finding.place, finding.message), group=finding.group) for finding in ordered
    )


def people_unknown(layers: Iterable[Layer]) -> Sentence:
    """Say where unreadable code may declare more people, a sentence per layer; "" if everybody is known."""
    return joined(str(spot) for layer in layers if (spot := _in_the_way(layer)))


def _in_the_way(layer: Layer) -> Spot | None:
    """Return the first thing that only a person can edit, since others follow from it; invalid HCL first."""
    broken = {
        (document.name, document.broken_at) for document in layer.files.documents.values() if document.broken
    }
    found = sorted(
        (finding for finding in layer.findings if finding.hand_edit),
        key=lambda finding: (finding.place.file, finding.place.line) not in broken,
    )
    return spot_at(layer, found[0].place, found[0].message) if found else None


def not_possible(layer: Layer, reason: EditRefused | Sequence[Problem], back: str) -> NotPossible:
    """Return the error that says what can't be done in a layer, and where to do it by hand.

    Args:
        reason: the operation's refusal, or the fatal problems that it found.
        back: what the person can do on the step's screen instead, as the beginning of a sentence.
    """
    if isinstance(reason, EditRefused):
        what, why = reason.what, reason.why
        spot = spot_at(layer, reason.place, reason.what) if reason.place else None
        place = str(spot.place) if spot else ""
    else:
        what, why = joined(problem.message for problem in reason), ""
        spots = (
            spot_at(layer, problem.place, problem.message)
            for problem in reason
            if isinstance(problem.place, Place)
        )
        spot = next(spots, None)
        place = ""  # the problem's own message has it
    if not why and (in_the_way := _in_the_way(layer)):
        why = f"{in_the_way.words} ({in_the_way.place})"
    by_hand = f"edit it by hand at {place}" if place else "edit the layer by hand"
    error = NotPossible(
        f"Not possible in {layer.location.account}", what, why=why, next=f"{back}, or {by_hand}."
    )
    error.spot = spot
    return error


@contextmanager
def refused_by_hand(layer: Layer, back: str) -> Iterator[None]:
    """Turn a refused edit of a layer into an error that says where to do it by hand.

    Raises:
        NotPossible: the layer can't be edited that way; `back` as for `not_possible`.
        EditUnsafe: an edit went wrong; its own message explains it.
    """
    try:
        yield
    except EditUnsafe:
        raise
    except EditRefused as refusal:
        raise not_possible(layer, refusal, back) from refusal


def edit(spot: Spot, context: Context) -> Sentence:
    """Open the person's editor at a spot, wait until it ends, and say what changed in the file.

    It needs the terminal, so the caller has suspended the application.

    Raises:
        EditorMissing: there is no editor.
        OnboardError: the file isn't in the project, or can't be read or opened.
    """
    path = _in_project(spot, context)
    command = arguments(editor_of(context.environment.variables), path, spot.place.line)
    before = read_bytes(path, _MAX_FILE)
    status = run_editor(command, context.environment.variables, path.parent)
    after = read_bytes(path, _MAX_FILE) if path.exists() else None
    words = _change_sentence(spot, before, after)
    return words if status == 0 else f"{words} {command[0]} ended with status {status}."


def _change_sentence(spot: Spot, before: bytes, after: bytes | None) -> Sentence:
    where = f"{spot.account} {spot.place.file}"
    if after == before:
        return f"{where} was not changed."
    if after is None:
        return f"{where} is gone."
    added, removed = FileChange("", spot.place.file, spot.path, before, after).counts()
    words = f"{where} changed: +{added} -{removed} lines. The layer was read again."
    if spot.path.suffix in _HCL and Document(spot.place.file, after).broken:
        return f"{words} iam-onboard can't parse it now, so you can't change anything in it here."
    return words


def _in_project(spot: Spot, context: Context) -> Path:
    """Return the file itself, behind symbolic links."""
    root, path = context.root.resolve(), spot.path.resolve()
    if not path.is_relative_to(root):
        raise OnboardError(
            "Not in the project",
            f"{spot.path} isn't a file of the project in {root}.",
            why="A symbolic link leads out of it." if spot.path.is_symlink() else "",
            next="If you want to change it, open it in an editor yourself.",
        )
    return path
