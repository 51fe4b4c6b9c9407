"""The table of `verify`: filled in place on a terminal, a line each elsewhere."""

from __future__ import annotations

import io
import re

import pytest

from tui.cli.output import filling
from tui.cli.verify import Answers, after_lines, failure_lines
from workflows.aws.verify import Result
from workflows.core.installation import COMMANDS
from workflows.core.sentences import OnboardError
from workflows.steps.new_user.verify import IdentityView, Survey

ME = "arn:aws:iam::222222222222:user/jane.doe"
ROLES = {f"bb-{name}": f"https://signin.aws.amazon.com/switchrole?roleName={name}" for name in ("one", "two")}


class Screen(io.StringIO):
    """A terminal that keeps what it is sent."""

    def isatty(self) -> bool:
        return True


def answers() -> Answers:
    view = IdentityView("security", "bb-security", None, ROLES)
    return Answers(Survey((view,), has_aws=False))


def told(answers: Answers) -> None:
    for profile in (
        Result("bb-security", ME),
        Result.failed("bb-two", OnboardError("Needs MFA", "no")),
    ):
        answers.results[profile.profile] = profile


def test_on_a_terminal_one_table_is_there_from_the_start_and_fills(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "30")
    asked = answers()
    with filling(asked.rows, shown=True) as changed:
        begun = screen.getvalue()
        assert all(name in begun for name in ("bb-security", "bb-one", "bb-two"))
        assert "✓" not in begun
        told(asked)
        changed()
        later = screen.getvalue().removeprefix(begun)
        assert "\x1b[1A" in later, "it goes up and writes over what was there"
    last = (
        re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue()).replace("\r", "\n").split("bb-security")[-1]
    )
    assert ME in last
    assert re.search(r"·\s+bb-one", last)
    assert re.search(r"✗\s+bb-two\s+Needs MFA", last)


def test_elsewhere_it_is_a_line_each_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    asked = answers()
    with filling(asked.rows, shown=True) as changed:
        told(asked)
        changed()
        assert capsys.readouterr().out == ""
    rows = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    assert rows == [["✓", "bb-security", ME], ["·", "bb-one"], ["✗", "bb-two", "Needs MFA"]]


def test_without_the_aws_command_it_tells_how_to_get_it_and_links_only_where_they_lead() -> None:
    made = answers()
    made.results["bb-one"] = Result("bb-one", "arn:aws:sts::333333333333:assumed-role/one/x", "")
    words = "\n".join(after_lines(made, "zsh", ["export AWS_PROFILE=bb-one"]))
    assert "https://signin.aws.amazon.com/switchrole" in words
    assert "bb-two" not in words
    assert "export AWS_PROFILE=bb-one" in words
    assert all(command in words for _, command in COMMANDS["aws"])


def test_profiles_that_fail_alike_share_one_paragraph_with_the_programs_own_message() -> None:
    made = answers()
    for name in ("bb-one", "bb-two"):
        error = OnboardError("Title", "What.", why="Why.", next="Next.", detail="Detail.")
        made.results[name] = Result.failed(name, error)
    assert list(failure_lines(made))[1:] == [
        "\n✗ bb-one, bb-two: What.",
        "  Why.",
        "  Next.",
        "  Detail.",
    ]
