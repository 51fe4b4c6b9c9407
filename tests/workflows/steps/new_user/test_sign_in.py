"""Decrypting the one-time password, with real gpg."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from support.new_user import PASSPHRASE, PASSWORD, context_of, encrypted, environment_of, handoff_for, nothing
from support.pgp import GpgHome, gpg_home

from workflows.core.secret import Secret
from workflows.core.sentences import Cancelled, OnboardError
from workflows.gpg.decrypt import NoSecretKey, WrongPassphrase
from workflows.machine.events import Observation, StepKey, Verdict
from workflows.messages.handoff import ACCESS, NEW_KEY, NEW_PASSWORD, Handoff
from workflows.steps.new_user import sign_in as step
from workflows.steps.new_user.sign_in import Request
from workflows.steps.shared.module import Context


@pytest.fixture(scope="module")
def keys() -> Iterator[GpgHome]:
    with gpg_home() as home:
        home.key("jane", passphrase=PASSPHRASE)
        home.key("open")
        yield home


def context(tmp_path: Path, keys: GpgHome, held: Handoff) -> Context:
    facts = {"handoff": held.payload(), "identities": ["security"]}
    return context_of(environment_of(tmp_path, keys), tmp_path, facts, item="security")


def test_a_wrong_passphrase_says_so_and_the_right_one_decrypts(tmp_path: Path, keys: GpgHome) -> None:
    asked = context(tmp_path, keys, handoff_for(keys, "jane"))
    keys.forget_passphrases()
    wrong, right = Secret("canary-wrong"), Secret(PASSPHRASE)
    with pytest.raises(WrongPassphrase) as refused:
        step.decrypt_password(wrong, asked, nothing)
    assert "canary-wrong" not in refused.value.as_text()
    assert wrong.dropped
    password = step.decrypt_password(right, asked, nothing)
    assert password.reveal() == PASSWORD
    assert right.dropped


def test_a_key_without_a_passphrase_needs_none_and_a_line_break_is_no_part(
    tmp_path: Path, keys: GpgHome
) -> None:
    held = handoff_for(keys, "open", encrypted_password=encrypted(keys, "open", f"{PASSWORD}\n"))
    asked = context(tmp_path, keys, held)
    assert step.decrypt_password(Secret(""), asked, nothing).reveal() == PASSWORD
    assert step.decrypt_password(None, asked, nothing).reveal() == PASSWORD


def test_a_passphrase_that_cannot_be_one_and_a_missing_key_are_told(tmp_path: Path, keys: GpgHome) -> None:
    asked = context(tmp_path, keys, handoff_for(keys, "jane"))
    long = Secret("x" * 256)
    with pytest.raises(OnboardError, match=" 255 "):
        step.decrypt_password(long, asked, nothing)
    assert long.dropped
    with gpg_home() as other:
        other.key("other")
        elsewhere = context(tmp_path, other, handoff_for(keys, "jane"))
        with pytest.raises(NoSecretKey):
            step.decrypt_password(Secret(""), elsewhere, nothing)


def test_a_sign_in_is_recorded_as_it_was_told(tmp_path: Path, keys: GpgHome) -> None:
    asked = context(tmp_path, keys, handoff_for(keys, "jane"))
    assert [problem.field for problem in step.validate(Request(decrypted=True), asked)] == ["chosen"]
    assert step.validate(Request(chosen=True), asked) == []
    assert step.validate(Request(already=True), asked) == []
    proofs = [
        step.perform(request, asked, nothing)["signed_in"]["proof"]
        for request in (Request(chosen=True, decrypted=True), Request(already=True), Request(chosen=True))
    ]
    assert proofs == [
        step.Proof.DECRYPTED,
        step.Proof.BEFORE,
        step.Proof.CHOSEN,
    ]
    assert step.observe(asked).said_so


def test_what_aws_once_said_of_a_sign_in_stands_and_carries_its_time(tmp_path: Path, keys: GpgHome) -> None:
    asked = context(tmp_path, keys, handoff_for(keys, "jane"))
    own, asked_at = StepKey("sign-in", asked.item), "2026-11-28T10:00:00+00:00"
    for look, at in (
        (Observation(Verdict.AS_DECIDED, at=asked_at), asked_at),
        (Observation(Verdict.UNKNOWN, "No network.", at=asked_at), asked_at),
        (Observation(Verdict.UNKNOWN, at=asked_at, said_so=True), ""),
        (Observation(Verdict.UNDONE, at=asked_at, asked_at=asked_at), ""),
    ):
        seen = replace(asked, observed={own: look})
        assert (step.evidence(seen)[0], step.observe(seen).at) == (at, at)
        assert step.observe(seen).said_so is not bool(at)
        earlier = "2026-11-28T09:00:00+00:00"
        for known in (
            {"signed_in": {"at": earlier, "seen": True, "recorded": "AWS has recorded it."}},
            {"access_key": {"at": earlier, "signed_in": "AWS has recorded it."}},
        ):
            assert step.observe(replace(seen, facts={**asked.facts, **known})).at == (at or earlier)


def test_an_earlier_sign_in_proves_nothing_of_a_password_that_replaces_another(
    tmp_path: Path, keys: GpgHome
) -> None:
    accepted = "2026-01-02T00:00:00+00:00"
    for occasion, since in ((ACCESS, ""), (NEW_PASSWORD, accepted), (NEW_KEY, accepted)):
        held = replace(handoff_for(keys, "jane"), occasion=occasion)
        asked = context(tmp_path, keys, held)
        asked = replace(asked, facts={**asked.facts, "accepted_at": accepted})
        assert step.perform(Request(already=True), asked, nothing)["signed_in"]["since"] == since


def test_a_machine_user_has_nothing_to_sign_in_with(tmp_path: Path, keys: GpgHome) -> None:
    held = handoff_for(
        keys,
        "jane",
        encrypted_password=None,
        sign_in_url="",
        access_key_id="AKIAIOSFODNN7EXAMPLE",
        encrypted_secret=encrypted(keys, "jane"),
    )
    asked = context(tmp_path, keys, held)
    assert step.has_password(asked) is False
    assert step.validate(Request(), asked) == []
    assert step.perform(Request(), asked, nothing)["signed_in"]["proof"] == step.Proof.NONE_CAME
    assert step.observe(asked).verdict is step.inquire(asked).verdict is Verdict.AS_DECIDED
    roles = handoff_for(keys, "jane", encrypted_password=None, key_fingerprint="")
    asked = context(tmp_path, keys, roles)
    assert step.validate(Request(), asked) == []
    asked = replace(asked, facts={**asked.facts, "accepted_at": "2026-01-02T00:00:00+00:00"})
    signed_in = step.perform(Request(), asked, nothing)["signed_in"]
    assert (signed_in["proof"], signed_in["since"]) == (step.Proof.AS_IT_WAS, ""), "an earlier one counts"
    assert step.observe(replace(asked, facts={**asked.facts, "signed_in": signed_in})).said_so


def test_ctrl_c_in_gpgs_own_question_is_a_cancellation(tmp_path: Path) -> None:
    """A terminal interrupts all its processes; here only gpg is interrupted, while a pinentry waits."""
    pinentry = tmp_path / "pinentry"
    asking = tmp_path / "asking"
    answers = f"GETPIN*) : > {asking};; BYE*) exit;; *) echo OK;;"
    pinentry.write_text(f'#!/bin/sh\necho OK\nwhile read line; do case "$line" in {answers} esac; done\n')
    pinentry.chmod(0o755)
    with gpg_home(str(pinentry)) as home:
        home.key("jane", passphrase=PASSPHRASE)
        asked = context(tmp_path, home, handoff_for(home, "jane"))
        home.forget_passphrases()
        with ThreadPoolExecutor() as threads:
            running = threads.submit(step.decrypt_password, None, asked, nothing, tty="/dev/pts/77")
            while not asking.exists():
                assert not running.done(), running.result()
                time.sleep(0.02)
            _gpg_that_asks(home).send_signal(signal.SIGINT)
            with pytest.raises(Cancelled):
                running.result()


def _gpg_that_asks(home: GpgHome) -> psutil.Process:
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if str(home.path) in child.cmdline() and "--decrypt" in child.cmdline():
                return child
    raise AssertionError("gpg does not run")
