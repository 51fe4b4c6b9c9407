"""Help has a page for each step and for the wizard, and only the keys that work now."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from textual.binding import Binding

from screens.registry import PANES
from screens.step.help import help_text, keys_table


@pytest.mark.parametrize("step", ["", *PANES])
def test_each_step_has_a_page(step: str) -> None:
    assert help_text(step).strip()


def test_a_key_is_listed_once_if_it_works_and_says_something() -> None:
    def active(key: str, *, enabled: bool = True, **how: Any) -> SimpleNamespace:
        return SimpleNamespace(binding=Binding(key, "act", key.upper(), **how), enabled=enabled)

    bindings = {
        "shown": active("a"),
        "explained": active("b", show=False, tooltip="it helps"),
        "hidden": active("c", show=False),
        "not now": active("d", enabled=False),
        "again": active("a"),
    }
    app = SimpleNamespace(get_key_display=lambda binding: f"^{binding.key}")
    screen: Any = SimpleNamespace(active_bindings=bindings, app=app)
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in keys_table(screen).splitlines()[2:]]
    assert rows == [["^a", "A", ""], ["^b", "B", "it helps"]]
