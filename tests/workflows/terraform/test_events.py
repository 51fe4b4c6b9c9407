from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st
from support.repository import TESTS

from workflows.terraform.events import (
    ChangeSummary,
    Diagnostic,
    Progress,
    ResourceEvent,
    message_of,
    parse_line,
    whole_lines,
)

STREAMS = TESTS / "support" / "streams"


def replay(name: str) -> tuple[list[object], Progress]:
    progress = Progress()
    events = [event for line in (STREAMS / name).read_text().splitlines() if (event := parse_line(line))]
    for event in events:
        progress.add(event)
    return events, progress


def test_a_recorded_plan_names_its_changes() -> None:
    events, progress = replay("plan-1.15.5.jsonl")
    assert ResourceEvent("planned_change", 'terraform_data.user["a.example"]', "create") in events
    assert progress.planned == {
        "terraform_data.first": "create",
        'terraform_data.user["a.example"]': "create",
        'terraform_data.user["b.sample"]': "create",
    }
    assert progress.summary == ChangeSummary("plan")
    assert not progress.applied


def test_a_recorded_apply_is_followed_to_its_end() -> None:
    events, progress = replay("apply-1.15.5.jsonl")
    assert ResourceEvent("apply_start", "terraform_data.first", "create") in events
    assert progress.applied
    assert len(progress.done) == progress.total
    assert progress.remaining == ()
    assert progress.running == {}
    assert set(progress.done) == set(progress.planned)


def test_a_recorded_interrupt_says_what_failed_and_keeps_the_diagnostics() -> None:
    events, progress = replay("apply-interrupted-1.15.5.jsonl")
    assert not progress.applied
    assert progress.done == ["terraform_data.first"]
    assert set(progress.failed) == {'terraform_data.user["a.example"]', 'terraform_data.user["b.sample"]'}
    assert any(isinstance(event, ResourceEvent) and event.kind == "apply_errored" for event in events)
    assert "local-exec provisioner error" in {diagnostic.summary for diagnostic in progress.errors}


def test_version_1_0_stream_with_reads_drift_replacement_and_an_error() -> None:
    _, progress = replay("apply-1.0.0.jsonl")
    # 1 replacement + 1 create; the data source is not counted.
    assert progress.total == 2
    assert progress.done == ['module.user["a.b"].aws_iam_user_login_profile.this[0]']
    assert progress.failed == ['module.user["c.d"].aws_iam_user_login_profile.this[0]']
    (error,) = progress.errors
    assert error.place == "users.tf:14"
    assert error.address == 'module.user["c.d"].aws_iam_user_login_profile.this[0]'
    first, second, *_, detail = error.as_text().splitlines()
    assert first == f"Error: {error.summary}"
    assert second.startswith(f"  with {error.address}, {error.place}:")
    assert detail == error.detail


def test_half_of_a_replacement_is_not_done() -> None:
    progress = Progress()
    progress.add(ResourceEvent("planned_change", "x.y", "replace"))
    progress.add(ResourceEvent("apply_start", "x.y", "delete"))
    progress.add(ResourceEvent("apply_complete", "x.y", "delete", 0))
    half = progress.snapshot()
    progress.add(ResourceEvent("apply_complete", "x.y", "create", 0))
    assert (half.done, list(half.begun), half.total) == ([], ["x.y"], 1)
    assert progress.done == ["x.y"]


def test_values_of_outputs_are_dropped_as_the_line_is_read() -> None:
    record = {
        "@message": "Outputs: 1",
        "type": "outputs",
        "outputs": {"password": {"sensitive": False, "value": "hunter2"}},
    }
    assert parse_line(json.dumps(record)) is None
    assert message_of(json.dumps(record)) == "Outputs: 1"


@pytest.mark.parametrize(
    "line",
    [
        '{"@message":"m","type":"ephemeral_op_start","hook":{"a":1}}',
        '{"@message":"m","type":"planned_change","change":7}',
        '{"@message":"m","type":"apply_start","hook":{"resource":{},"action":"create"}}',
        '{"@message":"m","type":["apply_start"]}',
        '{"@message":"m","type":"diagnostic","diagnostic":[]}',
        '{"@message":"m","type":"change_summary"}',
        '{"@message":"m"}',
    ],
)
def test_unknown_types_and_known_types_of_another_shape_are_lines(line: str) -> None:
    assert parse_line(line) is None
    assert message_of(line) == "m"


@pytest.mark.parametrize(
    "line", ["panic: runtime error", '{"torn":', "[" * 100_000, '{"a":' * 100_000, "  \n"], ids=len
)
def test_lines_that_are_no_events_are_shown_as_they_are(line: str) -> None:
    assert parse_line(line) is None
    assert message_of(line) == line


def test_a_diagnostic_without_place_is_read() -> None:
    line = '{"type":"diagnostic","diagnostic":{"severity":"warning","summary":"s","detail":""}}'
    event = parse_line(line)
    assert event == Diagnostic("warning", "s", "", "", "", "")
    assert not event.is_error
    assert event.as_text() == "Warning: s"


def test_messages_are_what_a_person_reads() -> None:
    assert message_of('{"@message":"Creating...","type":"x"}') == "Creating..."
    assert message_of('{"type":"x"}') == '{"type":"x"}'
    assert message_of("plain") == "plain"


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))), st.data())
def test_torn_lines_come_out_whole_wherever_they_are_torn(lines: list[str], data: st.DataObject) -> None:
    stream = "".join(f"{line}\n" for line in lines).encode()
    found: list[str] = []
    rest = b""
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        whole, rest = whole_lines(rest + stream[:size])
        found += whole
        stream = stream[size:]
    assert found == lines
    assert rest == b""


def test_a_torn_last_line_is_left() -> None:
    assert whole_lines(b"whole\ntor") == (("whole",), b"tor")
