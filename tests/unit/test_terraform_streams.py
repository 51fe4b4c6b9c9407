"""Whole `-json` runs of several versions, replayed as a file that grows in pieces of any size.

The files of versions that cannot be run here are written from the documentation of the machine-readable UI.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from workflows.services.terraform.causes import cause_of
from workflows.services.terraform.event_reader import LineSplitter, message_of, parse_line
from workflows.services.terraform.events import Event, Text, Unknown, Version
from workflows.services.terraform.progress import Progress, ProgressTracker

STREAMS = Path(__file__).parents[1] / "support" / "streams"
USER = 'module.user["jane.doe"].aws_iam_user.this[0]'
PASSWORD = 'module.user["jane.doe"].aws_iam_user_login_profile.this[0]'
MEMBERS = "module.iam_group_admins.aws_iam_group_membership.this[0]"


def replay(name: str, size: int) -> tuple[list[Event], Progress]:
    """The events and the end of a stream that comes in pieces of `size` bytes."""
    data, splitter, tracker = (STREAMS / name).read_bytes(), LineSplitter(), ProgressTracker()
    lines = [line for at in range(0, len(data), size) for line in splitter.feed(data[at : at + size])]
    events = [event for line in (*lines, *splitter.end()) if (event := parse_line(line)) is not None]
    for event in events:
        tracker.add(event)
    return events, tracker.progress()


@dataclass(frozen=True)
class Wanted:
    """What a stream amounts to."""

    version: Version
    done: tuple[str, ...]
    applied: bool
    total: int
    failed: tuple[str, ...] = ()
    running: tuple[str, ...] = ()
    remaining: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


STREAM_ENDS = {
    "apply-0.15.4.jsonl": Wanted(
        Version("0.15.4", "0.1.0", "Terraform"),
        done=(USER, PASSWORD, MEMBERS),
        applied=True,
        total=3,
        unknown=("refresh_start", "refresh_complete"),
    ),
    "apply-1.5.7.jsonl": Wanted(
        Version("1.5.7", "1.1", "Terraform"), done=(PASSWORD,), applied=True, total=2
    ),
    "apply-1.14.0-unknown.jsonl": Wanted(
        Version("1.14.0", "1.2", "Terraform"),
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
    "apply-tofu-1.6.0.jsonl": Wanted(
        Version("1.6.0", "1.2", "OpenTofu"), done=(USER, PASSWORD), applied=True, total=2
    ),
    "apply-tofu-1.8.0-torn.jsonl": Wanted(
        Version("1.8.0", "1.2", "OpenTofu"),
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
    events, progress = replay(name, size)
    wanted = STREAM_ENDS[name]
    assert events[0] == wanted.version
    assert set(progress.done) == set(wanted.done)
    assert progress.applied is wanted.applied
    assert progress.total == wanted.total
    assert progress.failed == wanted.failed
    assert tuple(progress.running) == wanted.running
    assert progress.remaining == wanted.remaining
    assert tuple(event.type for event in events if isinstance(event, Unknown)) == wanted.unknown


def test_what_is_no_event_is_kept_as_it_came() -> None:
    events, progress = replay("apply-tofu-1.8.0-torn.jsonl", 1 << 16)
    texts = [event.line for event in events if isinstance(event, Text)]
    assert texts[:2] == ["credential helper: signed in as jane.doe", '{"note": "JSON, but no event"}']
    assert "Please wait for OpenTofu to exit or data loss may occur." in texts
    assert texts[-1].endswith("aws_iam_user_login_pro")
    assert message_of(texts[-1]) == texts[-1]
    assert progress.running == {PASSWORD: 10.0}


def test_a_diagnostic_of_the_newest_version_has_its_resource_and_a_known_cause() -> None:
    _, progress = replay("apply-1.14.0-unknown.jsonl", 1 << 16)
    (error,) = progress.errors
    assert (error.address, error.place) == (PASSWORD, "main.tf:12")
    cause = cause_of(error.as_text())
    assert cause is not None
    assert cause.title == "It exists already"
