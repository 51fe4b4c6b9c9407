from __future__ import annotations

from datetime import UTC, datetime, timedelta

from workflows.machine.observations import Verdict, dated, seen_at

SAID = datetime(2026, 3, 1, 9, tzinfo=UTC)


def test_an_answer_that_cannot_be_had_again_counts_for_an_hour_and_is_told_with_its_time() -> None:
    for later, verdict in (
        (timedelta(), Verdict.AS_DECIDED),
        (timedelta(hours=1), Verdict.AS_DECIDED),
        (timedelta(hours=1, seconds=1), Verdict.UNKNOWN),
    ):
        now = SAID + later
        look = dated(seen_at(SAID.isoformat(), now), None, SAID.isoformat(), now.isoformat())
        assert (look.verdict, look.at) == (verdict, SAID.isoformat())
