"""Every page over what somebody hostile wrote: none of it is painted, or in a title, message or tooltip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.poison import POISON, places
from support.scenes import SMALL, Scene, Stage, in_state, then
from support.scenes.admin import Office, apply_failed, apply_ready, open_office
from support.scenes.catalogue import ALONE, IN_THE_OFFICE
from support.scenes.poisoned import PoisonedStage
from textual.app import App

from screens.registry import PANES
from workflows.core.text import safe

READABLE = ("project_long", "email", "region", "profile", "user", "comment", "key file", "layer file")
"""Where a poisoned project is still read, so that its pages show more than a refusal."""
OURS_ALONE = {
    *("access-keys", "access-keys-asks", "home-empty", "home-sandbox", "pgp-key-new"),
    *("plan-not-made", "sts-regions", "waiting"),
    *("rotation-without-keys", "pgp-key-incomplete", "handoff-junk", "mfa-done", "finished-new-user"),
    "home-without-matches",
}
"""Scenes that show nothing that comes from elsewhere, or only in a field or below, where it takes no room."""


def palette(stage: Stage, office: Office) -> Scene:
    return then(apply_ready(stage, office), "ctrl+p", "g", "o")


def copied_error(stage: Stage, office: Office) -> Scene:
    return then(apply_failed(stage, office), "c")


SCENES: dict[str, Callable[[Stage, Office], Scene]] = {
    **{name: lambda stage, _office, build=build: build(stage) for name, build in ALONE.items()},
    **IN_THE_OFFICE,
    "palette": palette,
    "copied-error": copied_error,
}
VARIANTS = {
    *("home-empty", "home-sandbox", "starting", "contradiction", "pgp-key-new", "handoff-awaited", "waiting"),
    *("sign-in-locked", "mfa", "profiles", "verify-asks", "pgp-keys", "pgp-keys-complete", "pgp-keys-choice"),
    *("group-dialog", "policies-dialog", "plan-not-made", "plan-running", "plan-foreign"),
    *("apply", "apply-running", "error-dialog"),
    *("rotation-without-keys", "rotation-refused", "rotation-done", "rotation-finished", "retirement-done"),
    *("before-you-start-without-gpg", "pgp-key-incomplete", "pgp-key-done", "handoff-junk", "handoff-done"),
    *("sign-in-wrong", "sign-in-done", "mfa-wrong-code", "mfa-done", "access-keys-refused"),
    *("access-keys-done", "access-keys-again", "profiles-conflict", "profiles-done", "verify-running"),
    *("finished-new-user", "home-without-matches", "sts-regions-unasked", "plan-empty", "plan-failed"),
    *("deactivate-working", "hand-over-rejected"),
}
"""Other states of pages that the rest shows already; `make slow` tries them too."""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """A project that strangers wrote to; without carriage returns, which HCL refuses in a text."""
    opened = open_office(tmp_path_factory.mktemp("office"))
    hostile = places(POISON.replace("\r", ""))
    for place in READABLE:
        hostile[place](opened.admin.root)
    return opened


def shown_by(app: App[Any]) -> Iterator[str]:
    """All texts that leave an application for a terminal."""
    yield from (app.title, app.sub_title)
    for notification in app._notifications:
        yield from (notification.title, notification.message)
    for screen in app.screen_stack:
        yield from (strip.text for strip in screen._compositor.render_strips())
        yield from (str(widget.tooltip) for widget in screen.walk_children() if widget.tooltip)


@pytest.mark.parametrize(
    "name", [pytest.param(scene, marks=[pytest.mark.slow] if scene in VARIANTS else []) for scene in SCENES]
)
async def test_no_page_shows_what_acts_or_hides(name: str, office: Office, tmp_path: Path) -> None:
    with PoisonedStage(tmp_path) as stage:
        scene = SCENES[name](stage, office)
        async with scene.app.run_test(size=SMALL) as pilot:
            await in_state(scene)(pilot)
            texts = list(shown_by(scene.app))
    assert [text for text in texts if safe(text, len(text)) != text] == []
    signs = any(sign in text for text in texts for sign in "␛�")
    assert signs is not (name in OURS_ALONE), "\n".join(texts)


def test_every_step_has_a_scene() -> None:
    assert [step for step in PANES if not any(name.startswith(step) for name in SCENES)] == []
