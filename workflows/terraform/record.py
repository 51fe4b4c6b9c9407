"""The record of a plan, so that nothing else is applied: the hashes of the plan and of all its sources.

A plan contains its configuration, and applying it never reads the files again. So a plan older than the files
would silently apply their old content. Sources are: every file of the layer, the targets of its symlinks, the
variable and backend files, and the folders of its local modules. The plan file, a zip, also contains the
state it was made against: its lineage and serial are recorded, so that somebody else's apply since then is
noticed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from workflows.core.files import NotAccepted, explained, load_file, open_file
from workflows.core.parsing import parse_json
from workflows.core.sentences import OnboardError, Sentence
from workflows.git import Git
from workflows.hcl.parsing import MAX_HCL

PLAN_FILE = "plan.tfplan"
"""The name of the plan file in the folder of a layer's runs."""
_LEFT_OUT = (".tfstate", ".tfstate.backup", ".tfplan")


@dataclass(frozen=True)
class StateMark:
    """One version of a state.

    Attributes:
        lineage: the identity of the state; "" before the first apply.
        serial: a number that grows with every write.
    """

    lineage: str
    serial: int


@dataclass(frozen=True)
class PlanRecord:
    """A plan file and what it was made from.

    Attributes:
        plan: the plan file.
        plan_sha256: its hash, hexadecimal.
        layer: the layer's folder.
        inputs: the variable and backend files.
        sources: path -> hash of the content (and of a symlink's target path), for every source.
        commit: the checked-out git commit, or "".
        binary: the program that made it ("Terraform 1.15.5").
        made_at: when, ISO 8601 in UTC.
        branch: the checked-out git branch, or "".
        state: the state that it was made against; None if the plan file doesn't show it.
        uncommitted: its sources, by their path in the checkout, that differ from the commit.
    """

    plan: Path
    plan_sha256: str
    layer: Path
    inputs: tuple[Path, ...]
    sources: Mapping[str, str]
    commit: str
    binary: str
    made_at: str
    branch: str = ""
    state: StateMark | None = None
    uncommitted: tuple[str, ...] = ()


LARGEST_SOURCE = 1_000_000_000
"""Maximum bytes of one source: an archive beside the layer may have some hundred million."""


def changed_since(record: PlanRecord) -> list[str]:
    """Return the paths of sources that were changed, added or removed since the plan, sorted.

    The places of the layer's modules are in `.terraform`. If it is gone, the recorded places are used.
    """
    now = hash_sources(record.layer, record.inputs)
    beside = [path for path in record.sources if path not in now and os.path.lexists(path)]
    now |= {path: _hash(Path(path)) for path in beside}
    return sorted(path for path in {*now, *record.sources} if now.get(path) != record.sources.get(path))


def hash_sources(layer: Path, inputs: Sequence[Path]) -> dict[str, str]:
    """Hash all sources of a plan of the layer.

    Args:
        layer: the layer's folder.
        inputs: variable and backend files, wherever they are.

    Returns:
        Absolute path -> SHA-256, hexadecimal. A symlink's hash covers its target path and content, a broken
        one's only the path. State, plans and hidden files (except the lock file) are left out.
    """
    seen: set[Path] = set()
    folders = (layer, *local_modules(layer))
    own = (path for folder in folders for path in _files(folder.absolute(), seen))
    return {str(path): _hash(path) for path in (*own, *(path.absolute() for path in inputs))}


def local_modules(layer: Path) -> tuple[Path, ...]:
    """Return the folders of the layer's local modules, nested ones too, as recorded by `init`; sorted."""
    try:
        modules = parse_json(load_file(layer / ".terraform" / "modules" / "modules.json", MAX_HCL))["Modules"]
    except (FileNotFoundError, ValueError, KeyError):
        return ()
    local = (module["Dir"] for module in modules if str(module["Source"]).startswith(("./", "../", "/")))
    folders = {Path(os.path.normpath(layer / name)) for name in local}
    return tuple(sorted(folder for folder in folders if ".terraform" not in folder.parts))


def file_sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file, or "" if there is none."""
    import hashlib  # noqa: PLC0415 - as in `_hash`

    if not path.exists():
        return ""
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_source(name: str) -> bool:
    """Return whether a file or folder of this name is a source: no state, plan or hidden file is."""
    hidden = name.startswith(".") and name != ".terraform.lock.hcl"
    return not (hidden or name.endswith(_LEFT_OUT))


def _files(folder: Path, seen: set[Path]) -> Iterator[Path]:
    real = folder.resolve()
    if real in seen or not folder.is_dir():
        return
    seen.add(real)
    for path in sorted(path for path in folder.iterdir() if is_source(path.name)):
        if path.is_dir():
            yield from _files(path, seen)
        else:
            yield path


def _hash(path: Path) -> str:
    import hashlib  # noqa: PLC0415 - the list of sessions hashes nothing

    digest = hashlib.sha256()
    if path.is_symlink():
        digest.update(f"-> {path.readlink()}\n".encode())
    if path.is_file():
        with explained(path, "read"), open_file(path) as file:
            if os.fstat(file.fileno()).st_size > LARGEST_SOURCE:
                raise NotAccepted(path, f"It has more than {LARGEST_SOURCE:,} bytes.")
            hashlib.file_digest(file, lambda: digest)
    elif not path.is_symlink():
        return "missing"
    return digest.hexdigest()


def record_plan(
    path: Path,
    sha256: str,
    layer: Path,
    inputs: tuple[Path, ...],
    *,
    sources: Mapping[str, str],
    git: Git,
    binary: str,
    made_at: datetime,
) -> PlanRecord:
    """Record a new plan file.

    Args:
        sha256: its hash, hexadecimal.
        layer: the layer's folder.
        inputs: the variable and backend files.
        sources: the hashes of its sources from before it was made.
        git: the layer's checkout.
        binary: the program that made it.
        made_at: when.

    Raises:
        OnboardError: git fails.
    """
    in_git = git.is_repository()
    return PlanRecord(
        plan=path,
        plan_sha256=sha256,
        layer=layer,
        inputs=inputs,
        sources=sources,
        commit=git.head() if in_git else "",
        binary=binary,
        made_at=made_at.isoformat(timespec="seconds"),
        branch=(git.branch() or "") if in_git else "",
        state=state_of_plan(path),
        uncommitted=tuple(_uncommitted(git, layer.resolve(), sources)) if in_git else (),
    )


def _uncommitted(git: Git, layer: Path, sources: Iterable[str]) -> Iterator[str]:
    known, root = {Path(path).resolve() for path in sources}, git.root()
    for path in (file.path for file in git.dirty_files()):
        if path.resolve() in known or layer in path.resolve().parents:
            yield str(path.relative_to(root))


def refuse_another_plan(record: PlanRecord) -> None:
    """Stop unless the plan file is the recorded one.

    Raises:
        OnboardError: it is gone, or another plan.
    """
    if file_sha256(record.plan) != record.plan_sha256:
        raise OnboardError(
            "This plan can't be applied",
            f"{record.plan} is gone, or isn't the plan that you reviewed.",
            why="iam-onboard removes a plan file once it is applied or given up.",
            next="Plan again, and review the new plan.",
        )


def state_of_plan(path: Path) -> StateMark | None:
    """Return the state that a plan file was made against, or None if unreadable (perhaps encrypted)."""
    import zipfile  # noqa: PLC0415 - the list of sessions reads no plan file

    try:
        with zipfile.ZipFile(path) as archive:
            return read_mark(archive.read("tfstate").decode("utf-8"))
    except (zipfile.BadZipFile, KeyError, ValueError):
        return None


def read_mark(text: str) -> StateMark | None:
    """Return the mark of a state from `state pull`; for an empty text, that of a state never written.

    Returns:
        None for anything but an unencrypted state.
    """
    return mark_of(parse_json(text)) if text.strip() else StateMark("", 0)


def mark_of(state: object) -> StateMark | None:
    """Return the mark of a state in parsed JSON; None for anything but an unencrypted state."""
    if not isinstance(state, dict) or "serial" not in state:
        return None
    return StateMark(str(state.get("lineage") or ""), int(state["serial"]))


def changed_words(planned: StateMark, now: StateMark) -> Sentence:
    """Return a sentence about how the state changed since the plan, or ""."""
    if planned.serial == now.serial and (planned.lineage == now.lineage or planned.serial == 0):
        return ""
    if planned.lineage and now.lineage and planned.lineage != now.lineage:
        return "The state in the backend isn't the one that the plan was made for."
    if now.serial > planned.serial:
        return "The state has changed since the plan: somebody has applied something."
    return "The state is older than the one that the plan was made for."
