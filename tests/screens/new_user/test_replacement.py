"""A request for another key is offered from any page, and begins only after a yes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from screens.new_user.replacement import DRAFT, offer_replacement
from screens.step.page import StepPane
from screens.widgets.dialogs import Confirm


@pytest.mark.parametrize(("step", "keeps"), [("handoff", False), ("sign-in", True)])
@pytest.mark.parametrize("said", [True, None])
def test_the_request_says_where_it_was_asked_for(step: str, *, keeps: bool, said: bool | None) -> None:
    sent: list[StepPane.StepWanted] = []

    def answer(dialog: Confirm, answered: Any) -> None:
        assert isinstance(dialog, Confirm)
        answered(said)

    pane: Any = SimpleNamespace(
        app=SimpleNamespace(push_screen=answer),
        opening=SimpleNamespace(step=SimpleNamespace(id=step)),
        context=SimpleNamespace(item="security", facts={}),
        StepWanted=StepPane.StepWanted,
        post_message=sent.append,
    )
    offer_replacement(pane)
    wanted = [(message.step, message.draft, message.keeps) for message in sent]
    assert wanted == ([("pgp-key", {**DRAFT, "asked_at": f"{step}@security"}, keeps)] if said else [])
