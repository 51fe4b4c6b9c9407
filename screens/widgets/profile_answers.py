"""The table of Verify: a profile a row, which fills as the profiles tell who they are."""

from __future__ import annotations

from collections.abc import Sequence

from screens.widgets.text import Table
from workflows.core.sentences import text_of
from workflows.numbers import count
from workflows.steps.verify import Result

_WAITS, _WORKS, _FAILS = "·", "✓", "✗"


class ProfileAnswers(Table):
    """Shows for each profile who it is, or in a few words why it does not work."""

    DEFAULT_CSS = "ProfileAnswers { height: auto; max-height: 12; margin-top: 1; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, cursor_type="row", zebra_stripes=True)

    def wait_for(self, profiles: Sequence[str]) -> None:
        """Show these profiles, none of which has answered yet."""
        marked = self.cursor_row
        self.clear(columns=True)
        self.add_column("", key="mark")
        self.add_column("Profile", key="profile")
        self.add_column("Who it is", key="who")
        for profile in profiles:
            self.add_row(_WAITS, profile, "", key=profile)
        self.move_cursor(row=marked)

    def show_result(self, result: Result) -> None:
        """Show what a profile answered; one that is not in the table is passed over."""
        if result.profile in self.rows:
            self.update_cell(result.profile, "mark", _FAILS if result.problem else _WORKS)
            who = text_of(result.title or "fails; Enter tells why") if result.problem else _short(result.arn)
            self.update_cell(result.profile, "who", who, update_width=True)

    @property
    def marked(self) -> str:
        """The profile under the cursor; "" while the table is empty."""
        if not self.row_count:
            return ""
        return str(self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value)


def proof(results: Sequence[Result]) -> str:
    """How many profiles work, why the first of the others does not, and what to do next."""
    broken = [result for result in results if result.problem]
    working = len(results) - len(broken)
    words = f"{working} of {count(len(results), 'profile')} {'works' if working == 1 else 'work'}."
    if not broken:
        return f"{words} Next (^n) ends this."
    words += f"\n✗ {broken[0].profile}: {broken[0].problem}"
    if any(result.wants_code for result in broken):
        words += "\nType the next code now: the cursor is in its field. Then Next (^n) asks again."
    return words + ("\nEnter on a line of the table tells its reason." if len(broken) > 1 else "")


def _short(arn: str) -> str:
    """The parts of an ARN that tell who it is: `222222222222 jane.doe`, or the role for a role's session."""
    parts = arn.split(":", 5)
    if len(parts) != 6:
        return arn
    kind, _, path = parts[5].partition("/")
    name = path.split("/")[0] if kind == "assumed-role" else path.rsplit("/", 1)[-1]
    return f"{parts[4]} {name}"
