"""A pane whose moves may need the passphrase of the person's own PGP key: asks for it once, and goes on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from textual import on

from screens.base import Move, Opening, StepPane
from screens.widgets.dialogs import PassphraseDialog, ask
from workflows.core.secret import Secret
from workflows.services.gpg.decrypt import PassphraseNeeded
from workflows.steps.base import Report
from workflows.steps.own_identity import fingerprint_of, identity_of
from workflows.steps.sign_in import unlock

_UNLOCK = "unlock"
_WHY = "What is kept for you is encrypted to your PGP key, and gpg needs its passphrase to read it."


@dataclass(frozen=True)
class Locked:
    """What a move comes back with when gpg asked for the passphrase."""


class UnlockingPane(StepPane):
    """Runs a move; where gpg needs the passphrase, asks for it and runs the move again."""

    def __init__(self, opening: Opening) -> None:
        super().__init__(opening)
        self._waiting: tuple[str, Move] | None = None

    def own_fingerprint(self) -> str:
        """Of the key that secrets are encrypted to."""
        accounts = self.context.facts.get("identities") or [""]
        identity = identity_of(self.context, self.context.item or accounts[0])
        return fingerprint_of(self.context, identity)

    def run_unlocked(self, name: str, work: Move) -> None:
        """As `run_move`; `MoveDone` of that name comes with a result, or with `Locked` while it is asked."""
        self._waiting = (name, work)
        self.run_move(name, partial(_tried, work))

    @on(StepPane.MoveDone)
    def _after_move(self, message: StepPane.MoveDone) -> None:
        if isinstance(message.result, Locked):
            ask(self, PassphraseDialog(_WHY), self._unlock)
        elif message.name == _UNLOCK and self._waiting is not None:
            # Once this message is through, the pane is at rest and can begin another move.
            self.call_later(self.run_unlocked, *self._waiting)

    def _unlock(self, passphrase: Secret) -> None:
        if not passphrase:
            return
        fingerprint = self.own_fingerprint()

        def work(report: Report) -> None:
            try:
                unlock(passphrase, fingerprint, self.context, report)
            finally:
                passphrase.drop()

        self.run_move(_UNLOCK, work)


def _tried(work: Move, report: Report) -> object:
    try:
        return work(report)
    except PassphraseNeeded:
        return Locked()
