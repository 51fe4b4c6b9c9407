from __future__ import annotations

import pytest

from screens.admin.project import NameSuggester


@pytest.mark.parametrize(
    ("typed", "suggested"),
    [
        ("a", "ada.lovelace"),
        ("zed, a", "zed, ada.lovelace"),
        ("zed,a", "zed,ada.lovelace"),
        ("zed a", None),
        ("zed;ADA", "zed;ada.lovelace"),
        ("zed,ada.lovelace", "zed,ada.lovelace"),
        ("zed, ", None),
        ("", None),
        ("nobody", None),
    ],
)
async def test_what_was_typed_stays_before_the_completed_name(typed: str, suggested: str | None) -> None:
    suggester = NameSuggester()
    suggester.people = ("ada.lovelace", "zed")
    assert await suggester.get_suggestion(typed) == suggested


def test_every_way_to_complete_a_name_is_known() -> None:
    suggester = NameSuggester()
    suggester.people = ("ada.lovelace", "adam.smith", "zed")
    assert suggester.completions("zed, ad") == ["zed, ada.lovelace", "zed, adam.smith"]
