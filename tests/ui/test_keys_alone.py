"""Every page with the keyboard alone: what can have the focus gets it and shows it, and no keys break it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.panes import rest
from support.scenes import SMALL, Stage
from support.scenes.admin import Office
from support.scenes.catalogue import NAMES, scene
from textual.events import Paste, Resize
from textual.geometry import Size
from textual.pilot import Pilot
from textual.widget import Widget

from screens.step.help import HelpScreen
from tui.app.wizard import WizardScreen
from workflows.steps.admin import apply

DIALOGS = ("contradiction", "welcome-back", "error-dialog", "apply-asks", "confirm-typed-name", "help")
DIALOGS += (
    "everybody",
    "group-dialog",
    "policies-dialog",
    "pgp-keys-choice",
    "pgp-keys-in-the-layer",
    "qr-dialog",
    "starting",
)
RUNNING = tuple(name for name in NAMES if name.endswith("-running"))
HOMES = tuple(name for name in NAMES if name.startswith("home-"))
PAGES = tuple(name for name in NAMES if name not in {*DIALOGS, *RUNNING, *HOMES})
"""Scenes with a step's page on top, at rest."""

PRESSED = (
    *("tab", "shift+tab", "enter", "space", "escape", "up", "down", "left", "right", "home", "end"),
    *("pageup", "pagedown", "backspace", "delete", "ctrl+n", "ctrl+s", "ctrl+r", "ctrl+o", "ctrl+u"),
    *(
        "f1",
        "f2",
        "f5",
        "f10",
        "question_mark",
        "slash",
        "a",
        "c",
        "d",
        "i",
        "k",
        "l",
        "m",
        "n",
        "p",
        "r",
        "t",
    ),
)
"""Without the ways out of the wizard and into other programs."""
_PRESSES = 20
JUNK = ("", "\x1b[31m\x00", "{" * 50, "jane.doe, juan\r\n" * 40, "-----BEGIN PGP MESSAGE-----\n\nwcFM\n")


def focusable(screen: WizardScreen) -> Iterator[Widget]:
    """What the focus should come to: on the page and the action bar, as far as it is displayed."""
    for widget in screen.focus_chain:
        if all(node.display for node in widget.ancestors_with_self if isinstance(node, Widget)):
            yield widget


def painted(pilot: Pilot[Any], widget: Widget) -> str:
    """The cells of a widget, with their styles."""
    region = widget.region
    lines = pilot.app.screen._compositor.render_strips()[region.y : region.bottom]
    cropped = (strip.crop(region.x, region.right).simplify() for strip in lines)
    return "\n".join(str([(piece.text, str(piece.style)) for piece in strip]) for strip in cropped)


async def come_to_everything(pilot: Pilot[Any]) -> None:
    """The focus comes to all that can have it and is seen there; F1 answers, and Escape leaves."""
    screen = pilot.app.screen
    assert isinstance(screen, WizardScreen)
    expected, reached, unseen = set(focusable(screen)), set(), []
    for _ in range(2 * len(expected) + 2):
        if expected <= reached:
            break
        before = screen.focused
        await pilot.press("tab")
        await pilot.pause()
        here = screen.focused
        assert here is not None
        reached.add(here)
        with_focus = painted(pilot, here)
        if before is not None and before is not here:
            screen.set_focus(before, scroll_visible=False)
            await pilot.pause()
            unseen += [here] if painted(pilot, here) == with_focus else []
            screen.set_focus(here)
    assert expected <= reached
    assert not unseen
    screen.set_focus(next(iter(expected)))
    await pilot.press("f1")
    await rest(pilot)
    assert isinstance(pilot.app.screen, HelpScreen)
    await pilot.press("escape")
    await rest(pilot)
    assert pilot.app.screen is screen


async def press_anything(pilot: Pilot[Any], chance: random.Random, number: int) -> None:
    """Keys, pastes and other sizes, one after the other, at random."""
    for _ in range(number):
        match chance.randrange(10):
            case 0:
                size = Size(chance.randrange(20, 130), chance.randrange(5, 40))
                pilot.app.post_message(Resize(size, size))
                await pilot.pause()
            case 1:
                pilot.app.post_message(Paste(chance.choice(JUNK)))
                await pilot.pause()
            case _:
                await pilot.press(chance.choice(PRESSED))


FIRST = 1
"""The seed of the keys that a commit tries, once it has been everywhere on the page."""


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(
    "seed", [FIRST, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 12))]
)
async def test_the_focus_comes_to_everything_and_no_keys_break_a_page_or_apply_anything(
    name: str, seed: int, opened_office: Callable[[], Office], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied: list[object] = []
    monkeypatch.setattr(apply, "perform", lambda *given: applied.append(given))
    with Stage(tmp_path) as stage:
        shown = scene(name, stage, opened_office)
        async with shown.app.run_test(size=SMALL) as pilot:  # raises what a handler or a worker raised
            await shown.before(pilot)
            if seed == FIRST:
                await come_to_everything(pilot)
            await press_anything(pilot, random.Random(f"{name} {seed}"), _PRESSES)  # noqa: S311 - no secret
            await rest(pilot)
            for _ in range(12):  # no dead end: escape and the list of steps lead on
                if isinstance(pilot.app.screen, WizardScreen):
                    break
                await pilot.press("escape")
                await rest(pilot)
            assert isinstance(pilot.app.screen, WizardScreen)
            assert pilot.app.is_running
    assert not applied
