"""How a session is described in lists, and what is said when it is opened or deleted."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tui.app.session_summary import arrival_of, left_behind, standing_of, steps_done
from tui.session_catalogue import Entry
from workflows.aws.sts_regions.answers import AccountAnswer, Audit, OptIn, RegionAnswer, StsState
from workflows.core.sentences import text_of
from workflows.machine.sessions import Sessions
from workflows.machine.summaries import Summary
from workflows.steps.decisions import Comparison, Decisions

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
SESSIONS = Sessions(Path("nowhere"), [], lambda: NOW)


def entry(summary: Summary, sandbox: Path | None = None) -> Entry:
    return Entry(summary, SESSIONS, sandbox)


LATE = Summary("late", "admin", facts={"project": "bb"}, next_title="Groups")


def test_a_session_that_waits_for_the_apply_of_another_is_not_called_over_since_then() -> None:
    undone = Entry(LATE, SESSIONS, None, undone_by=("Remove ann",))
    assert standing_of(undone) != standing_of(replace(undone, unapplied=True))
    assert replace(undone, unapplied=True).over


def test_a_reply_is_not_called_a_handoff() -> None:
    waits = Entry(Summary("waits", "new-user"), SESSIONS, None, NOW.isoformat())
    handoff, reply = (arrival_of(each, NOW) for each in (waits, replace(waits, replied=True)))
    assert handoff is not None
    assert reply is not None
    assert (handoff.here, reply.here) == (True, True)
    assert text_of(handoff.line) != text_of(reply.line)


def test_regions_that_are_left_to_switch_or_to_ask_about_are_not_all_done() -> None:
    for off, problem, told in (
        (StsState.DEACTIVATED, "", "all done"),
        (StsState.ACTIVE, "", "regions left to switch"),
        (StsState.DEACTIVATED, "no profile", "some accounts not asked"),
    ):
        region = RegionAnswer("sa-east-1", off, OptIn.DEFAULT)
        account = AccountAnswer("security", "2" * 12, "aws", "x", "", (region,), 1, (), problem)
        audit = Audit("bb", NOW.isoformat(), (), (account,))
        checked = Summary("checked", "admin", facts={"sts_regions": audit.as_facts()})
        assert standing_of(entry(checked))[0] == told


_STANDING = 33
"""Columns of a session's standing at 80 columns."""


def test_what_an_admin_skipped_is_named_unless_a_later_text_carries_it() -> None:
    done = Summary("done", "admin", facts={"mfa_reset": ["jane.doe"]})
    skipped = replace(done, skipped=("MFA devices (security)",))
    assert standing_of(entry(skipped)) != standing_of(entry(done))
    assert "MFA devices (security)" in standing_of(entry(skipped))[0]
    assert len(standing_of(entry(replace(skipped, skipped=skipped.skipped * 2)))[0]) < _STANDING
    over_terraform = {"joining": ["jane.doe"]}
    assert standing_of(entry(replace(skipped, facts=over_terraform))) == standing_of(entry(done))


def test_a_session_is_not_all_done_before_anybody_asked_who_is_awaited() -> None:
    done = Summary("done", "admin", settled={"hand-over@security": "", "groups": ""}, unseen=("groups",))
    unasked = replace(done, unseen=("groups", "hand-over@security"))
    assert standing_of(entry(unasked)) != standing_of(entry(done))


def test_a_session_with_a_fingerprint_that_nobody_compared_is_not_all_done() -> None:
    said = [
        standing_of(entry(Summary("done", "admin", facts={"comparisons": {"jane.doe": answer}})))[0]
        for answer in Comparison
    ]
    sure = said.pop([*Comparison].index(Comparison.SAME))
    assert sure not in said


def test_a_comparison_that_is_still_to_be_made_comes_before_who_is_awaited() -> None:
    later, same, differs = (
        standing_of(entry(Summary("x", "admin", facts={"comparisons": {"a": said}}, awaited=("a",))))
        for said in (Comparison.LATER, Comparison.SAME, Comparison.DIFFERS)
    )
    assert same == differs == later[1:]
    assert len(later[0]) < _STANDING


@pytest.mark.parametrize("answer", Comparison)
@pytest.mark.parametrize("added", [None, [], ["jane.doe"]])
def test_keys_that_nobody_compared_are_not_counted_among_the_steps_that_are_done(
    answer: Comparison, added: list[str] | None
) -> None:
    facts = {
        "joining": ["jane.doe"],
        "keys": {"jane.doe": {"text": "x"}},
        "comparisons": {"jane.doe": answer},
        **({} if added is None else {"user_changes": {"add": {"security": added}, "remove": {}}}),
    }
    summary = Summary("own", "admin", facts=facts, settled={"pgp-keys": "2026-01-09"}, done=5)
    decisions = Decisions.from_facts(facts)
    assert steps_done(entry(summary)) == 5 - bool(decisions.not_compared or decisions.rejected)
    assert steps_done(replace(entry(summary), removed=("jane.doe",))) == 5
    assert steps_done(entry(replace(summary, settled={}))) == 5


def test_a_deletion_names_what_is_written_and_not_applied(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path, [], lambda: NOW)
    (tmp_path / "late").mkdir()
    layers = ("management/global/base-identities", "security/global/base-identities")
    files = [[layer, f"{layer}/{name}"] for layer in layers for name in ("users.tf", "groups.tf")]
    put_back = {"layer": files[3][0], "name": "groups.tf", "path": files[3][1], "before": None, "after": None}
    record = {"digest": "", "files": files, "changes": [put_back]}
    (tmp_path / "late" / "written.json").write_text(json.dumps(record))
    changed = [{"layer": layer, "account": layer.partition("/")[0]} for layer in layers]
    summary = replace(LATE, facts={"changed_files": changed})
    told = [
        left_behind(Entry(replace(summary, settled=dict.fromkeys(settled, "")), sessions, None))
        for settled in ((), ("apply@management",), ("apply@management", "apply@security"))
    ]
    assert [re.findall(r"\d+", text_of(sentence)) for sentence in told] == [["3"], ["1"], []]
    assert left_behind(Entry(replace(summary, id="nowhere"), sessions, None)) == ""
