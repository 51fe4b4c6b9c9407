"""Which version of a state a plan was made against, so that somebody else's apply since then is noticed.

A plan file is a zip that holds the state it was made from. Only that state's mark, its lineage and serial, is
taken out of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from workflows.core.parsing import parse_json
from workflows.core.sentences import Sentence

_STATE_MEMBER = "tfstate"


@dataclass(frozen=True)
class StateMark:
    """One version of a state.

    Attributes:
        lineage: what stays the same for as long as it is the same state; "" before the first apply.
        serial: what grows whenever it is written.
    """

    lineage: str
    serial: int


def state_of_plan(path: Path) -> StateMark | None:
    """The state that a plan file was made against, or None if the file does not say (encrypted, perhaps)."""
    import zipfile  # noqa: PLC0415 - the list of sessions reads no plan file

    try:
        with zipfile.ZipFile(path) as archive:
            return read_mark(archive.read(_STATE_MEMBER).decode("utf-8"))
    except (zipfile.BadZipFile, KeyError, ValueError):
        return None


def read_mark(text: str) -> StateMark | None:
    """The mark of a state as `state pull` gives it; of an empty text that of a state not written yet.

    Returns:
        None for what is no state in clear.
    """
    if not text.strip():
        return StateMark("", 0)
    state = parse_json(text)
    if not isinstance(state, dict) or "serial" not in state:
        return None
    return StateMark(str(state.get("lineage") or ""), int(state["serial"]))


def changed_words(planned: StateMark, now: StateMark) -> Sentence:
    """What happened to the state since a plan was made, as a sentence; "" if nothing did."""
    if planned.serial == now.serial and (planned.lineage == now.lineage or planned.serial == 0):
        return ""
    if planned.lineage and now.lineage and planned.lineage != now.lineage:
        return "The backend has another state than the one that was planned against."
    if now.serial > planned.serial:
        return "The state has changed since the plan: somebody has applied something."
    return "The state is older than the one that was planned against."
