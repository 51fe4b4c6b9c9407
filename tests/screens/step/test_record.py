"""The record of who was let in, as lines to read."""

from __future__ import annotations

from datetime import UTC, datetime

from screens.step.record import record_text
from workflows.steps.admin.admissions import Admission, Admissions, Applied, Outcome
from workflows.steps.decisions import Comparison

AT = "2026-03-01T10:00:00+00:00"
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def test_only_the_account_that_somebody_was_removed_from_says_so() -> None:
    applied = dict.fromkeys(("management", "security"), Applied(AT, Outcome.APPLIED))
    jane = Admission("jane.doe", "A" * 40, "pasted", AT, Comparison.SAME, AT, applied)
    record = Admissions("", (jane,))
    before = record_text(record, NOW).splitlines()
    after = record_text(record, NOW, {"security": ("jane.doe",), "management": ("sam.okafor",)}).splitlines()
    assert len(before) == len(after)
    assert [line.split()[0] for line in set(after) - set(before)] == ["security"]


def test_a_replaced_key_no_longer_waits_to_be_compared() -> None:
    first = Admission("jane.doe", "A" * 40, "pasted", AT, Comparison.LATER, AT)
    second = Admission("jane.doe", "B" * 40, "pasted", AT, Comparison.LATER, AT)
    alone, both = (record_text(Admissions("", keys), NOW) for keys in ((second,), (first, second)))
    (compared,) = (line for line in alone.splitlines() if line.split()[0] == "Compared")
    assert both.endswith(alone)
    assert both.count(compared) == 1
