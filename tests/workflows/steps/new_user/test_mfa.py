"""MFA through the API of a strict AWS: two real codes, an interruption, and obstacles."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from moto.iam.models import MFADevice, iam_backends
from support.fakes import MemoryVault
from support.served_aws import BASE, NewUserAws, served, user_key
from support.strict_aws import ASSUME_DEVOPS, SECURITY

from workflows.aws.errors import AwsError
from workflows.aws.iam import DeviceExists
from workflows.aws.sts import RepeatedCode, WrongCode
from workflows.core.files import NotSynced
from workflows.core.secret import Credentials, Secret
from workflows.core.sentences import OnboardError, text_of
from workflows.machine.events import AGREES, Observation, StepKey, Verdict, seen_at
from workflows.steps.new_user import mfa as step
from workflows.steps.new_user.mfa import API, CONSOLE, DeviceGone, Pending, Registered, Request
from workflows.steps.shared.module import Context
from workflows.steps.shared.own_access_key import KeyInHand, KeyPlace
from workflows.stores.key_store import KEPT_IN_KEYRING
from workflows.stores.vault import VaultChoice, VaultLocked, VaultUnavailable, store_access_key

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
    vault: Any = new_user.environment.vault("").vault
    return dict(vault.kept)


def test_the_console_takes_the_persons_word(new_user: NewUserAws) -> None:
    context = new_user.context()
    assert step.validate(Request(CONSOLE), context) == []
    made = step.perform(Request(CONSOLE), context, new_user.report)["mfa"]
    assert (made["serial"], made["how"]) == (None, "console")


def test_what_aws_said_of_a_device_before_it_was_registered_is_about_another(new_user: NewUserAws) -> None:
    key_at, before, after = (f"2026-11-28T{hour}:00:00+00:00" for hour in ("10", "09", "11"))
    key = {"id": "AKIAIOSFODNN7EXAMPLE", "kept": "keyring", "mfa_serial": SERIAL, "at": key_at}
    for registered, found in ((before, (key_at, SERIAL)), (after, ("", "")), (None, (key_at, SERIAL))):
        context = new_user.context(mfa={"serial": None, "how": CONSOLE, "at": registered}, access_key=key)
        assert step.evidence(context) == found
        assert step.observe(context).said_so is not bool(found[0])
    look = Observation(Verdict.AS_DECIDED, at=after)
    assert step.evidence(replace(context, facts={**context.facts, "access_key": {}}, observed={})) == ("", "")
    looked = replace(
        context, facts={**context.facts, "access_key": {}}, observed={StepKey("mfa", context.item): look}
    )
    assert step.evidence(looked) == (after, "")
    assert step.evidence(replace(looked, facts=context.facts)) == (after, SERIAL), (
        "later than the key was kept"
    )
    made_here = {"mfa": {"serial": SERIAL, "how": API, "at": before}, "access_key": {}}
    assert step.evidence(replace(looked, facts={**context.facts, **made_here})) == (after, SERIAL)
    named = replace(looked, observed={StepKey("mfa", context.item): replace(look, about=(SERIAL,))})
    assert step.evidence(named) == (after, SERIAL)
    assert step.observe(named).about == (SERIAL,)


def test_a_device_is_made_scanned_and_enabled(new_user: NewUserAws) -> None:
    key, context = user_key(new_user), new_user.context()
    pending = begun(new_user, key, context)
    assert (pending.serial, pending.name, pending.label) == (SERIAL, "jane.doe", "bb-security")
    assert len(pending.matrix()) == 41
    seed = pending.seed.reveal()
    assert json.loads(kept(new_user)[SEED]) == {"serial": SERIAL, "seed": seed}
    request = Request(API, pending=pending, first=new_user.code(seed, -1), second=new_user.code(seed))
    assert step.validate(request, context) == []
    made = step.perform(request, context, new_user.report)
    assert (made["mfa"]["serial"], made["mfa"]["how"]) == (SERIAL, "api")
    seen = seen_at(made["mfa"]["at"], new_user.environment.now())
    assert step.observe(new_user.context(**made)) == replace(seen, about=(SERIAL,))
    assert kept(new_user) == {}
    assert pending.seed.dropped
    assert pending.key.secret_access_key.dropped
    found = step.begin(typed(key), context, new_user.report)
    assert found == Registered(SERIAL)
    facts = step.perform(Request(API, serial=SERIAL), context, new_user.report)
    assert (facts["mfa"]["serial"], facts["mfa"]["how"]) == (SERIAL, "api")


def test_an_interrupted_set_up_goes_on_with_the_same_device(new_user: NewUserAws) -> None:
    key = user_key(new_user)
    first = begun(new_user, key, new_user.context())
    seed = first.seed.reveal()
    first.drop()
    again = begun(new_user, key, new_user.context())
    assert (again.serial, again.seed.reveal()) == (SERIAL, seed)
    assert "continues" in again.remark


def test_a_device_without_its_seed_names_what_the_admin_must_run(new_user: NewUserAws) -> None:
    key = user_key(new_user)
    begun(new_user, key, new_user.context())
    kept_vault: Any = new_user.environment.vault("").vault
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


def test_a_device_that_was_deleted_meanwhile_is_forgotten_and_made_anew(new_user: NewUserAws) -> None:
    key, context = user_key(new_user), new_user.context()
    pending = begun(new_user, key, context)
    seed = pending.seed.reveal()
    new_user.aws.administrator("iam").delete_virtual_mfa_device(SerialNumber=SERIAL)
    request = Request(API, pending=pending, first=new_user.code(seed, -1), second=new_user.code(seed))
    with pytest.raises(DeviceGone):
        step.perform(request, context, new_user.report)
    assert kept(new_user) == {}
    again = begun(new_user, key, context)
    assert again.seed.reveal() != seed
    assert again.remark == ""


SECURITY_KEY = "arn:aws:iam::222222222222:u2f/user/jane.doe/key-EXAMPLE"


def has(new_user: NewUserAws, *serials: str) -> None:
    """Add devices of kinds that only the console or a shop offers, as AWS would list them."""
    user = iam_backends[SECURITY]["aws"].users["jane.doe"]
    for number, serial in enumerate(serials):
        user.mfa_devices[serial] = MFADevice(serial, "000000", "111111")
        user.mfa_devices[serial].enable_date = datetime(2026, 1, 1 + number, tzinfo=UTC)


def test_a_security_key_does_not_stand_in_for_the_app(new_user: NewUserAws) -> None:
    key = user_key(new_user)
    has(new_user, SECURITY_KEY)
    pending = begun(new_user, key, new_user.context())
    assert pending.serial == SERIAL
    assert SECURITY_KEY in pending.remark
    assert begun(new_user, key, new_user.context()).remark.endswith(pending.remark), (
        "of one that goes on, too"
    )


@pytest.mark.parametrize(
    ("serials", "chosen", "words"),
    [
        (["GAHT12345678"], "GAHT12345678", "Use codes from GAHT12345678, a hardware token."),
        (["GAHT12345678", SERIAL], SERIAL, "GAHT12345678 is a hardware token; its codes don't work here."),
        ([SERIAL, SECURITY_KEY], SERIAL, f"Use codes from {SERIAL}, an authenticator app."),
        ([SERIAL], SERIAL, ""),
    ],
)
def test_devices_that_are_there_are_recognised(
    new_user: NewUserAws, serials: list[str], chosen: str, words: str
) -> None:
    key = user_key(new_user)
    has(new_user, *serials)
    found = step.begin(typed(key), new_user.context(), new_user.report)
    assert isinstance(found, Registered)
    assert found.serial == chosen
    assert words in found.remark
    assert bool(words) is bool(found.remark)


def test_a_security_key_confirms_no_device_that_gives_codes(new_user: NewUserAws) -> None:
    made = user_key(new_user)
    key = Credentials(made["AccessKeyId"], Secret(made["SecretAccessKey"]))
    store_access_key(new_user.environment.vault("").vault, "bb", BASE, key)
    kept_key = {"id": key.access_key_id, "kept": KEPT_IN_KEYRING, "mfa_serial": None}
    context = new_user.context(mfa={"serial": None, "how": CONSOLE}, access_key=kept_key)
    has(new_user, SECURITY_KEY)
    assert step.inquire(context).verdict is Verdict.GONE
    with pytest.raises(OnboardError):
        step.perform(Request(step.UNCHANGED), context, new_user.report)
    has(new_user, SECURITY_KEY, SERIAL)
    assert step.inquire(context) == replace(AGREES, about=(SERIAL,))
    assert step.perform(Request(step.UNCHANGED), context, new_user.report) == {"mfa": context.facts["mfa"]}
    made = step.perform(Request(CONSOLE), context, new_user.report)["mfa"]
    assert made["serial"] == SERIAL, "the kept key lets AWS name it"


def test_with_long_names_the_qr_code_is_still_as_high_as_a_small_terminal() -> None:
    seed = Secret("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" * 2)
    for name, label in (("maximiliano.fernandez", "company-long-apps-devstg"), ("u" * 64, "a" * 63)):
        pending = Pending(f"arn:aws:iam::222222222222:mfa/{name}", seed, label, Credentials("A", Secret("s")))
        assert len(pending.matrix()) <= 48


@pytest.mark.parametrize(
    ("codes", "field", "fatal", "words"),
    [
        (lambda _made, _seed: ("", ""), "first_code", True, "six digits"),
        (lambda made, seed: (made.code(seed), made.code(seed)), "second_code", True, "the same"),
        (
            lambda made, seed: (made.code(seed, 90), made.code(seed)),
            "first_code",
            True,
            "isn't a code of this",
        ),
        (
            lambda made, seed: (made.code(seed, -4), made.code(seed, -3)),
            "first_code",
            False,
            "120 seconds behind",
        ),
        (
            lambda made, seed: (made.code(seed, 1), made.code(seed, 2)),
            "second_code",
            False,
            "60 seconds ahead",
        ),
        (lambda made, seed: (made.code(seed), made.code(seed, -1)), "second_code", True, "is older than the"),
        (lambda made, seed: (made.code(seed, -1), made.code(seed, 1)), "second_code", True, "in between"),
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

    new_user.environment = replace(new_user.environment, vault=none)
    with pytest.raises(VaultUnavailable):
        step.begin(typed(key), new_user.context(), new_user.report)
    devices = new_user.aws.administrator("iam").list_virtual_mfa_devices()["VirtualMFADevices"]
    assert devices == []


def test_a_seed_that_a_power_failure_may_take_is_remarked_on(
    new_user: NewUserAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    unsynced = NotSynced("A file problem", "The folder can't be synced.")
    keep = MemoryVault.store

    def store(vault: MemoryVault, name: str, secret: Secret) -> NotSynced:
        keep(vault, name, secret)
        return unsynced

    monkeypatch.setattr(MemoryVault, "store", store)
    context = new_user.context()
    assert text_of(unsynced.what) in text_of(begun(new_user, user_key(new_user), context).remark)


@pytest.mark.parametrize(
    ("refusal", "told"), [(VaultUnavailable, ""), (VaultLocked, "its seed is still kept")]
)
def test_without_a_vault_an_enabled_device_is_recognised_all_the_same(
    new_user: NewUserAws, refusal: type[VaultUnavailable], told: str
) -> None:
    key = user_key(new_user)
    new_user.aws.device()

    def none(_fingerprint: str) -> VaultChoice:
        raise refusal("No keyring", "It cannot be used.")

    new_user.environment = replace(new_user.environment, vault=none)
    found = step.begin(typed(key), new_user.context(), new_user.report)
    assert isinstance(found, Registered)
    assert found.serial == SERIAL
    assert told in found.remark


def test_another_persons_key_is_refused(new_user: NewUserAws) -> None:
    other = user_key(new_user, "juan.delacruz")
    with pytest.raises(OnboardError) as refused:
        step.begin(typed(other), new_user.context(), new_user.report)
    assert "juan.delacruz" in refused.value.what
    assert "jane.doe" in refused.value.why


def test_a_user_without_the_right_hears_whom_to_ask_and_no_device_is_begun(new_user: NewUserAws) -> None:
    key = new_user.aws.user("jane.doe", ASSUME_DEVOPS)
    with pytest.raises(OnboardError) as refused:
        step.begin(typed(key), new_user.context(), new_user.report)
    assert not isinstance(refused.value, AwsError)
    assert refused.value.detail
    assert kept(new_user) == {}
