"""MFA over the API against a strict AWS: two real codes, an interruption, and what blocks a set-up."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.served_aws import NewUserAws, served, user_key

from workflows.errors import OnboardError
from workflows.secret import Secret
from workflows.services.iam import DeviceExists
from workflows.services.sts import RepeatedCode, WrongCode
from workflows.services.vault import VaultChoice, VaultUnavailable
from workflows.steps import mfa as step
from workflows.steps.base import Context
from workflows.steps.mfa import API, CONSOLE, Pending, Registered, Request
from workflows.steps.own_access_key import KeyInHand, KeyPlace

SERIAL = "arn:aws:iam::222222222222:mfa/jane.doe"
SEED = "bb/security/mfa-seed"


@pytest.fixture
def new_user(tmp_path: Path) -> Iterator[NewUserAws]:
    with served(tmp_path) as made:
        yield made


def typed(key: dict[str, Any]) -> KeyInHand:
    return KeyInHand(KeyPlace.TYPED, id=key["AccessKeyId"], secret=Secret(key["SecretAccessKey"]))


def begun(new_user: NewUserAws, key: dict[str, Any], context: Context) -> Pending:
    pending = step.begin(typed(key), context, new_user.report)
    assert isinstance(pending, Pending)
    return pending


def kept(new_user: NewUserAws) -> dict[str, str]:
    vault: Any = new_user.world.vault("").vault
    return dict(vault.kept)


def test_the_console_takes_the_persons_word(new_user: NewUserAws) -> None:
    context = new_user.context()
    assert step.validate(Request(CONSOLE), context) == []
    assert step.perform(Request(CONSOLE), context, new_user.report) == {
        "mfa": {"serial": None, "how": "console"}
    }


def test_a_device_is_made_scanned_and_enabled(new_user: NewUserAws) -> None:
    key, context = user_key(new_user), new_user.context()
    pending = begun(new_user, key, context)
    assert (pending.serial, pending.name, pending.label) == (SERIAL, "jane.doe", "bb-security")
    assert len(pending.matrix()) == 45
    seed = pending.seed.reveal()
    assert json.loads(kept(new_user)[SEED]) == {"serial": SERIAL, "seed": seed}
    request = Request(API, pending=pending, first=new_user.code(seed, -1), second=new_user.code(seed))
    assert step.validate(request, context) == []
    assert step.perform(request, context, new_user.report) == {"mfa": {"serial": SERIAL, "how": "api"}}
    assert kept(new_user) == {}
    assert pending.seed.dropped
    assert pending.key.secret_access_key.dropped
    found = step.begin(typed(key), context, new_user.report)
    assert found == Registered(SERIAL)
    facts = step.perform(Request(API, serial=SERIAL), context, new_user.report)
    assert facts == {"mfa": {"serial": SERIAL, "how": "api"}}


def test_an_interrupted_set_up_goes_on_with_the_same_device(new_user: NewUserAws) -> None:
    key = user_key(new_user)
    first = begun(new_user, key, new_user.context())
    seed = first.seed.reveal()
    first.drop()
    again = begun(new_user, key, new_user.context())
    assert (again.serial, again.seed.reveal()) == (SERIAL, seed)
    assert "goes on" in again.remark


def test_a_device_without_its_seed_names_what_the_admin_must_run(new_user: NewUserAws) -> None:
    key = user_key(new_user)
    begun(new_user, key, new_user.context())
    kept_vault: Any = new_user.world.vault("").vault
    kept_vault.kept.clear()
    with pytest.raises(DeviceExists) as refused:
        step.begin(typed(key), new_user.context(), new_user.report)
    assert f"aws iam delete-virtual-mfa-device --serial-number {SERIAL}" in refused.value.next
    assert kept(new_user) == {}


def test_wrong_and_repeated_codes_keep_the_device_and_its_seed(new_user: NewUserAws) -> None:
    key, context = user_key(new_user), new_user.context()
    pending = begun(new_user, key, context)
    seed = pending.seed.reveal()
    wrong = Request(API, pending=pending, first=new_user.code(seed, -3), second=new_user.code(seed))
    with pytest.raises(WrongCode):
        step.perform(wrong, context, new_user.report)
    repeated = Request(API, pending=pending, first=new_user.code(seed, -1), second=new_user.code(seed))
    with pytest.raises(RepeatedCode):
        step.perform(repeated, context, new_user.report)
    assert SEED in kept(new_user)
    new_user.aws.ahead += 60
    good = Request(API, pending=pending, first=new_user.code(seed, -1), second=new_user.code(seed))
    assert step.perform(good, context, new_user.report)["mfa"]["serial"] == SERIAL


@pytest.mark.parametrize(
    ("codes", "field", "fatal", "words"),
    [
        (lambda _made, _seed: ("", ""), "first_code", True, "six digits"),
        (lambda made, seed: (made.code(seed), made.code(seed)), "second_code", True, "the same"),
        (lambda made, seed: (made.code(seed, 90), made.code(seed)), "first_code", True, "not a code of this"),
        (
            lambda made, seed: (made.code(seed, -4), made.code(seed)),
            "first_code",
            False,
            "120 seconds behind",
        ),
        (lambda made, seed: (made.code(seed), made.code(seed, 4)), "second_code", False, "120 seconds ahead"),
    ],
)
def test_codes_are_looked_at_before_aws_sees_them(
    new_user: NewUserAws,
    codes: Callable[[NewUserAws, str], tuple[str, str]],
    field: str,
    fatal: bool,
    words: str,
) -> None:
    context = new_user.context()
    pending = begun(new_user, user_key(new_user), context)
    first, second = codes(new_user, pending.seed.reveal())
    problems = step.validate(Request(API, pending=pending, first=first, second=second), context)
    assert [(problem.field, problem.fatal) for problem in problems] == [(field, fatal)]
    assert words in problems[0].message


def test_without_a_vault_no_device_is_made(new_user: NewUserAws) -> None:
    key = user_key(new_user)

    def none(_fingerprint: str) -> VaultChoice:
        raise VaultUnavailable("No keyring", "There is none.")

    new_user.world = replace(new_user.world, vault=none)
    with pytest.raises(VaultUnavailable):
        step.begin(typed(key), new_user.context(), new_user.report)
    devices = new_user.aws.administrator("iam").list_virtual_mfa_devices()["VirtualMFADevices"]
    assert devices == []


def test_another_persons_key_is_refused(new_user: NewUserAws) -> None:
    other = user_key(new_user, "juan.delacruz")
    with pytest.raises(OnboardError, match="Another one's access key") as refused:
        step.begin(typed(other), new_user.context(), new_user.report)
    assert "juan.delacruz" in refused.value.what
    assert "jane.doe" in refused.value.why
