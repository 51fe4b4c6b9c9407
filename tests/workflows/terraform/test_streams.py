"""Complete `-json` runs of several versions, replayed as a file that grows in pieces of any size.

The files of versions that cannot run here are made by hand from the documentation of the machine-readable UI.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass

import pytest
from support.repository import TESTS

from workflows.terraform.events import Progress, message_of, parse_line, whole_lines
from workflows.terraform.failures import Failure, failure_of

NOT_NEEDED = {"version", "outputs", "resource_drift"}
STREAMS = TESTS / "support" / "streams"
USER = 'module.user["jane.doe"].aws_iam_user.this[0]'
PASSWORD = 'module.user["jane.doe"].aws_iam_user_login_profile.this[0]'
MEMBERS = "module.iam_group_admins.aws_iam_group_membership.this[0]"


def replay(name: str, size: int) -> tuple[list[str], Progress]:
    """Return the lines without an event and the final progress of a stream in pieces of `size` bytes."""
    data, rest, tracker = (STREAMS / name).read_bytes(), b"", Progress()
    lines: list[str] = []
    for at in range(0, len(data), size):
        whole, rest = whole_lines(rest + data[at : at + size])
        lines += whole
    others = []
    for line in (*lines, *([rest.decode()] if rest else [])):
        event = parse_line(line)
        if event is None:
            others.append(line)
        else:
            tracker.add(event)
    return others, tracker


def types_of(lines: list[str]) -> list[str]:
    """Return the types of the lines that are complete events."""
    found = []
    for line in lines:
        with suppress(ValueError):
            found.append(json.loads(line).get("type"))
    return [kind for kind in found if kind]


@dataclass(frozen=True)
class Wanted:
    """The expected result of a stream."""

    done: tuple[str, ...]
    applied: bool
    total: int
    failed: tuple[str, ...] = ()
    running: tuple[str, ...] = ()
    remaining: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


STREAM_ENDS = {
    "apply-0.15.4.jsonl": Wanted(
        done=(USER, PASSWORD, MEMBERS),
        applied=True,
        total=3,
    ),
    "apply-1.5.7.jsonl": Wanted(done=(PASSWORD,), applied=True, total=1),
    "apply-1.14.0-unknown.jsonl": Wanted(
        done=(USER,),
        applied=False,
        total=2,
        failed=(PASSWORD,),
        unknown=(
            "ephemeral_op_start",
            "ephemeral_op_complete",
            "planned_action_invocation",
            "log",
            "provision_start",
            "provision_errored",
            "action_start",
            "action_errored",
        ),
    ),
    "apply-tofu-1.6.0.jsonl": Wanted(done=(USER, PASSWORD), applied=True, total=2),
    "apply-tofu-1.8.0-torn.jsonl": Wanted(
        done=(USER,),
        applied=False,
        total=3,
        running=(PASSWORD,),
        remaining=(PASSWORD, MEMBERS),
    ),
}


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
@pytest.mark.parametrize("name", STREAM_ENDS)
def test_every_versions_stream_comes_to_its_end(name: str, size: int) -> None:
    others, progress = replay(name, size)
    wanted = STREAM_ENDS[name]
    assert set(progress.done) == set(wanted.done)
    assert progress.applied is wanted.applied
    assert progress.total == wanted.total
    assert tuple(progress.failed) == wanted.failed
    assert tuple(progress.running) == wanted.running
    assert progress.remaining == wanted.remaining
    assert tuple(kind for kind in types_of(others) if kind not in NOT_NEEDED) == wanted.unknown


def test_what_is_no_event_is_kept_as_it_came() -> None:
    others, progress = replay("apply-tofu-1.8.0-torn.jsonl", 1 << 16)
    texts = [line for line in others if line and not types_of([line])]
    assert texts[:2] == ["credential helper: signed in as jane.doe", '{"note": "JSON, but no event"}']
    assert "Please wait for OpenTofu to exit or data loss may occur." in texts
    assert texts[-1].endswith("aws_iam_user_login_pro")
    assert message_of(texts[-1]) == texts[-1]
    assert progress.running == {PASSWORD: 10.0}


def test_a_diagnostic_of_the_newest_version_has_its_resource_and_a_known_cause() -> None:
    _, progress = replay("apply-1.14.0-unknown.jsonl", 1 << 16)
    (error,) = progress.errors
    assert (error.address, error.place) == (PASSWORD, "main.tf:12")
    assert failure_of(error.as_text()) is Failure.EXISTS
