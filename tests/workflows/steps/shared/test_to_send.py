"""Texts to send that are saved in the home folder, where existing files stay unchanged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Never

import pytest
from support.fakes import FakeClipboard, fake_environment

from workflows.core.secret import Secret
from workflows.desktop.clipboard import ClipboardUnavailable
from workflows.environment import Environment
from workflows.steps.shared.to_send import copied, hand_out


class NoClipboard(FakeClipboard):
    """A computer without a clipboard."""

    def copy(self, _text: str | Secret) -> Never:
        raise ClipboardUnavailable(reason="There is none.")


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return replace(fake_environment(tmp_path, {}), clipboard=NoClipboard())


def test_a_file_of_the_persons_own_stays_and_the_text_gets_a_number(environment: Environment) -> None:
    own = environment.home / "reminder.txt"
    own.write_text("mine")
    (environment.home / "reminder-2.txt").mkdir()
    for text, name in (("Hello", "reminder-3.txt"), ("Hello", "reminder-3.txt"), ("Again", "reminder-4.txt")):
        handed = hand_out("A reminder", text, "reminder.txt", environment)
        assert name in str(handed.said)
        assert (environment.home / name).read_text() == text
    assert own.read_text() == "mine"


def test_a_copied_text_that_is_saved_keeps_the_persons_own_file(environment: Environment) -> None:
    own = environment.home / "invitation-jane.txt"
    own.write_text("mine")
    handed = copied("Title", "Hello", own.name, replace(environment, clipboard=FakeClipboard()))
    assert "invitation-jane-2.txt" in str(handed.save(environment))
    assert own.read_text() == "mine"
    assert "invitation-jane.txt" in str(replace(handed, replaces=lambda _path: True).save(environment))
    assert own.read_text() == "Hello"
