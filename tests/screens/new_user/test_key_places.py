"""Where a key is to be kept, as it is asked: several stores, and a keyring that is locked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from support.fakes import MemoryVault
from support.new_user import said
from support.panes import PaneHost, new_session, rest, settle
from support.served_aws import NewUserAws
from textual.widgets import Button

from screens.new_user.access_keys import AccessKeysPane
from screens.new_user.handoff import HandoffPane
from screens.new_user.mfa import MfaPane
from screens.new_user.sign_in import SignInPane
from screens.step.page import is_displayed
from screens.widgets.fields import Choices
from workflows.core.sentences import text_of
from workflows.machine.events import StepKey
from workflows.steps.new_user import access_keys, before_you_start, handoff, mfa, pgp_key, sign_in
from workflows.steps.shared.own_access_key import CREDENTIALS_FILE, PGP_FILE, VAULT
from workflows.stores.vault import PgpFileVault, VaultChoice, VaultLocked

MODULES = (before_you_start, pgp_key, handoff, sign_in, mfa, access_keys)
PANES = {"handoff": HandoffPane, "sign-in": SignInPane, "mfa": MfaPane, "access-keys": AccessKeysPane}
KEY = StepKey("access-keys", "security")
LOCKED = VaultLocked("The keyring is locked", "The desktop's keyring is locked and was not unlocked.")


def host(new_user: NewUserAws) -> PaneHost:
    session = new_session(new_user.folder / "sessions", MODULES)
    facts = new_user.context().facts
    settle(session, StepKey("before-you-start"), {"project": "bb", "user": "jane.doe", "tools": {}})
    settle(session, StepKey("pgp-key"), {"fingerprint": "A" * 40, "key_made": False, "request_sent": "sent"})
    settle(session, StepKey("handoff"), {name: facts[name] for name in ("handoff", "identities")})
    settle(session, StepKey("sign-in", "security"), {"signed_in": facts["signed_in"]})
    settle(session, StepKey("mfa", "security"), {"mfa": {"serial": None}})
    return PaneHost(session, new_user.environment, MODULES, PANES, KEY)


def files(folder: Path) -> PgpFileVault:
    return PgpFileVault(folder, lambda plain: plain[::-1], lambda message: message[::-1])


def choices(app: PaneHost) -> list[str]:
    """Where a key can be kept."""
    kept = app.pane.query_one("#kept", Choices)
    return [str(kept.get_option_at_index(index).id) for index in range(kept.option_count)]


async def test_every_store_that_can_be_used_is_a_choice(new_user: NewUserAws) -> None:
    both = VaultChoice(MemoryVault(), None, (files(new_user.folder / "vault"),))
    new_user.environment = replace(new_user.environment, vault=lambda _: both)
    app = host(new_user)
    async with app.run_test(size=(80, 30)) as pilot:
        await rest(pilot)
        assert choices(app) == [VAULT, PGP_FILE, CREDENTIALS_FILE]
        assert not app.pane.query_one("#locked").display


async def test_a_locked_keyring_is_told_and_looked_at_again(new_user: NewUserAws) -> None:
    state = {"locked": True}
    keyring = MemoryVault()

    def vault(_fingerprint: str) -> VaultChoice:
        others = files(new_user.folder / "vault")
        return VaultChoice(others, LOCKED) if state["locked"] else VaultChoice(keyring, None, (others,))

    new_user.environment = replace(new_user.environment, vault=vault)
    app = host(new_user)
    async with app.run_test(size=(80, 30)) as pilot:
        await rest(pilot)
        assert text_of(LOCKED.what) in said(app)
        assert choices(app) == [VAULT, CREDENTIALS_FILE], "another store can be chosen"
        state["locked"] = False
        app.pane.query_one("#look-again", Button).focus()
        await pilot.press("enter")
        await rest(pilot)
        assert text_of(LOCKED.what) not in said(app)
        assert choices(app) == [VAULT, PGP_FILE, CREDENTIALS_FILE]


async def test_with_a_locked_keyring_alone_plain_text_is_not_the_silent_answer(new_user: NewUserAws) -> None:
    def vault(_fingerprint: str) -> VaultChoice:
        raise LOCKED

    new_user.environment = replace(new_user.environment, vault=vault)
    app = host(new_user)
    async with app.run_test(size=(80, 30)) as pilot:
        await rest(pilot)
        assert text_of(LOCKED.what) in said(app)
        assert is_displayed(app.pane.query_one("#look-again"))


async def test_another_width_asks_nothing_again(new_user: NewUserAws) -> None:
    both = VaultChoice(MemoryVault(), None, (files(new_user.folder / "a-folder-with-a-long-name" / "vault"),))
    new_user.environment = replace(new_user.environment, vault=lambda _: both)
    app = host(new_user)
    async with app.run_test(size=(120, 30)) as pilot:
        await rest(pilot)
        await pilot.press("down")
        await pilot.pause()
        kept = app.pane.query_one("#kept", Choices)
        wide = str(kept.get_option(PGP_FILE).prompt)
        option = kept.get_option(PGP_FILE)
        await pilot.resize_terminal(60, 24)
        await rest(pilot)
        assert (kept.value, app.focused) == (PGP_FILE, kept)
        assert kept.get_option(PGP_FILE) is option, "it is the same question"
        assert str(kept.get_option(PGP_FILE).prompt) != wide


async def test_the_question_that_was_open_has_the_focus_again(new_user: NewUserAws) -> None:
    app = host(new_user)
    app.session.drafts.save(KEY, {"question": 2})
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        assert app.focused is app.pane.query_one("#how")
