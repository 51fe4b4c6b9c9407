"""The way out for users who can't use their PGP key: a replacement request, from any page that notices."""

from __future__ import annotations

from screens.step.page import PROPOSED, StepPane
from screens.widgets.dialogs import Confirm, ask
from workflows.machine.events import StepKey

_WHEN = (
    "Use this if your key is lost, or if you forgot its passphrase.\n\nYou choose or create another "
    "key, and send a new request. Your admin replaces the old key with it."
)
_RESETS = (
    "Nobody can read this password any more. Your admin resets it, and any access keys encrypted to "
    "the old key."
)
_REASON = "I lost my key, or I forgot its passphrase."
DRAFT = {"choice": "", "replacement": True, "reason": _REASON, PROPOSED: True}
"""The initial draft of the PGP key step for a replacement."""


def offer_replacement(pane: StepPane) -> None:
    """Ask whether to send a new key, and go to the step that does it."""

    def replace(_yes: bool) -> None:  # noqa: FBT001 - a dialog's answer
        here = str(StepKey(pane.opening.step.id, pane.context.item))
        keeps = pane.opening.step.id != "handoff"  # a handoff for the lost key isn't read again
        pane.post_message(pane.StepWanted("pgp-key", {**DRAFT, "asked_at": here}, keeps=keeps))

    arrived = "handoff" in pane.context.facts
    title = "Ask for a new password?" if arrived else "Send another key?"
    ask(pane, Confirm(title, f"{_WHEN}\n\n{_RESETS}" if arrived else _WHEN, "New request"), replace)
