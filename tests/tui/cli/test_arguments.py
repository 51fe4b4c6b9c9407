"""Arguments of commands that do not fit together, and the exit code for them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tui.cli.arguments import USAGE
from tui.cli.main import main


@pytest.mark.parametrize(
    "words",
    [
        ["plan"],
        ["plan", "security", "--redact", "--json"],
        ["plan", "security", "--init", "again"],
        ["apply", "security"],
        ["handoff"],
        ["handoff", "create", "security"],
        ["handoff", "open"],
    ],
)
def test_what_is_no_command_is_wrong_usage(words: Sequence[str]) -> None:
    with pytest.raises(SystemExit) as usage:
        main(words)
    assert usage.value.code == USAGE
