"""Changes that make the new user's steps out of date, and changes that do not."""

from __future__ import annotations

from pathlib import Path

from support.message_samples import ciphertext, identity
from support.panes import new_session, settle

from workflows.machine.events import StepKey
from workflows.machine.state import Status
from workflows.messages.handoff import Handoff, Identity
from workflows.steps.new_user import (
    access_keys,
    before_you_start,
    handoff,
    mfa,
    pgp_key,
    profiles,
    sign_in,
    verify,
)

HERE, THERE = StepKey("sign-in", "security"), StepKey("sign-in", "management")


def accepted(*identities: Identity) -> dict[str, object]:
    names = [identity.account_name for identity in identities]
    return {"handoff": Handoff("bb", identities).payload(), "identities": names}


def test_a_handoff_with_one_more_account_leaves_the_others_done(tmp_path: Path) -> None:
    session = new_session(tmp_path, (before_you_start, pgp_key, handoff, sign_in))
    settle(session, StepKey("before-you-start"), {"project": "bb", "user": "jane.doe", "tools": {}})
    settle(session, StepKey("pgp-key"), {"fingerprint": "A" * 40})
    settle(session, StepKey("handoff"), accepted(identity()))
    settle(session, HERE, {"signed_in": {"proof": "so"}})
    more = identity(account_name="management", account_id="1" * 12, profiles=())
    session.reopen(StepKey("handoff"))
    settle(session, StepKey("handoff"), accepted(more, identity()))
    assert (session.status(HERE), session.status(THERE)) == (Status.DONE, Status.READY)
    session.reopen(StepKey("handoff"))
    settle(session, StepKey("handoff"), accepted(identity(region="eu-west-1", profiles=())))
    assert session.status(HERE) is Status.DONE, "its password is spent"
    session.reopen(StepKey("handoff"))
    settle(session, StepKey("handoff"), accepted(identity(user="jane.other")))
    assert session.status(HERE) is Status.STALE
    session.close()


def test_another_password_asks_for_another_sign_in_and_for_nothing_else(tmp_path: Path) -> None:
    steps = (before_you_start, pgp_key, handoff, sign_in, mfa, access_keys, profiles, verify)
    session = new_session(tmp_path, steps)
    settle(session, StepKey("before-you-start"), {"project": "bb", "user": "jane.doe", "tools": {}})
    settle(session, StepKey("pgp-key"), {"fingerprint": "A" * 40})
    settle(session, StepKey("handoff"), accepted(identity()))
    settle(session, HERE, {"signed_in": {"proof": "so"}})
    later = [StepKey(step, "security") for step in ("mfa", "access-keys", "profiles")]
    written = {"names": ["bb-security"], "config": "c", "credentials": "d", "told": []}
    for key, facts in zip(
        later, ({"mfa": {}}, {"access_key": {"kept": "keyring"}}, {"profiles": written}), strict=True
    ):
        settle(session, key, facts)
    settle(session, StepKey("verify"), {"verified": {"results": []}})
    session.reopen(StepKey("handoff"))
    settle(session, StepKey("handoff"), accepted(identity(encrypted_password=ciphertext(b"another"))))
    assert session.status(HERE) is Status.STALE
    assert session.status(StepKey("verify")) is Status.DONE
    settle(session, HERE, {"signed_in": {"proof": "so now"}})
    assert session.proposal() is None
    session.reopen(StepKey("handoff"))
    settle(session, StepKey("handoff"), accepted(identity(encrypted_password=ciphertext(b"a third one"))))
    session.reopen(later[1])
    refused = session.refusal(later[1])
    assert "Sign in" in refused
    assert "MFA" not in refused, "it is done"
    settle(session, HERE, {"signed_in": {"proof": "so again"}})
    settle(session, later[1], {"access_key": {"kept": "keyring"}})
    assert [session.status(key) for key in later] == [Status.DONE] * 3
    session.reopen(StepKey("handoff"))
    settle(session, StepKey("handoff"), accepted(identity(region="eu-west-1")))
    assert session.status(later[-1]) is not Status.DONE
    session.close()


def test_another_device_or_key_is_to_be_tested_again(tmp_path: Path) -> None:
    steps = (before_you_start, pgp_key, handoff, sign_in, mfa, access_keys, profiles, verify)
    session = new_session(tmp_path, steps)
    settle(session, StepKey("before-you-start"), {"project": "bb", "user": "jane.doe", "tools": {}})
    settle(session, StepKey("pgp-key"), {"fingerprint": "A" * 40})
    settle(session, StepKey("handoff"), accepted(identity()))
    settle(session, HERE, {"signed_in": {"proof": "so"}})
    device, key, files, verified = (
        *(StepKey(step, "security") for step in ("mfa", "access-keys", "profiles")),
        StepKey("verify"),
    )
    written = {"names": ["bb-security"], "config": "c", "credentials": "d"}
    kept = {"access_key": {"id": "AKIAIOSFODNN7EXAMPLE", "kept": "keyring"}}

    def register(at: str, serial: str | None = None) -> None:
        settle(session, device, {"mfa": {"serial": serial, "how": "console", "at": at}})

    register("2026-01-01T00:00:00+00:00")
    settle(session, key, kept)
    settle(session, files, {"profiles": written})
    settle(session, verified, {"verified": {"results": []}})
    assert session.status(verified) is Status.DONE
    session.reopen(device)
    register("2026-02-01T00:00:00+00:00")
    assert session.status(key) is Status.DONE, "a device is no access key"
    assert session.status(files) is Status.STALE, "nobody knows its name"
    settle(session, files, {"profiles": written})
    assert session.status(verified) is Status.STALE, "the device has the same name, and is another one"
    settle(session, verified, {"verified": {"results": []}})
    for at in ("2026-03-01T00:00:00+00:00", "2026-04-01T00:00:00+00:00"):
        session.reopen(device)
        register(at, "arn:aws:iam::222222222222:mfa/jane.doe")
        if session.status(files) is Status.STALE:
            settle(session, files, {"profiles": written})
    assert session.status(files) is Status.DONE
    assert session.status(verified) is Status.STALE
    settle(session, verified, {"verified": {"results": []}})
    session.reopen(key)
    settle(session, key, {"access_key": {**kept["access_key"], "id": "AKIAI44QH8DHBEXAMPLE"}})
    settle(session, files, {"profiles": written})
    assert session.status(verified) is Status.STALE
    session.close()
