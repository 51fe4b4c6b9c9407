from __future__ import annotations

from datetime import UTC, datetime, timedelta

from workflows.machine.events import Observation, Verdict, dated, seen_at

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


def test_what_the_network_confirmed_all_the_same_is_confirmed_for_an_hour() -> None:
    look = Observation(Verdict.CHANGED, about=("a file",), at=SAID.isoformat(), confirmed=True)
    for later, again, confirmed in (
        (timedelta(hours=1), Observation(Verdict.CHANGED, about=("a file",)), True),
        (timedelta(hours=2), Observation(Verdict.CHANGED, about=("a file",)), False),
        (timedelta(hours=1), Observation(Verdict.CHANGED, about=("another",)), False),
    ):
        seen = dated(again, look, "2026-03-01T00:00:00+00:00", (SAID + later).isoformat())
        assert (seen.confirmed, seen.at) == (confirmed, SAID.isoformat())
