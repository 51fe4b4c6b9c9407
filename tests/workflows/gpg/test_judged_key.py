from __future__ import annotations

import pytest

from workflows.core.sentences import text_of
from workflows.gpg.verdict import Headline, JudgedKey, Mark, Verdict, VerdictKind


@pytest.mark.parametrize("warnings", [(), ("It is short.",), ("It is short.", "It expires soon.")])
def test_a_line_says_that_a_key_works_only_beside_the_mark_for_it(warnings: tuple[str, ...]) -> None:
    key = JudgedKey(verdict=Verdict(VerdictKind.WORKS, Headline.WORKS, "", warnings=warnings))
    assert (text_of(key.glance) == Headline.WORKS) is (key.mark is Mark.WORKS) is (not warnings)


def test_a_headline_that_fits_the_mark_stays() -> None:
    unverified = Verdict(VerdictKind.UNVERIFIED, Headline.CURVE_UNVERIFIED, "", warnings=("It expires.",))
    assert text_of(JudgedKey(verdict=unverified).glance) == Headline.CURVE_UNVERIFIED
