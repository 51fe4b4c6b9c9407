"""A user's own access key: whose it is, where it is kept, and how it is found without asking anybody."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.fakes import MemoryVault, fake_environment
from support.message_samples import identity
from support.vaults import FakeKeyring

from workflows.aws.errors import AwsError, AwsFailure
from workflows.aws.iam import AccessKey, MfaDevice
from workflows.aws.sts import Identity as Caller
from workflows.core.secret import Credentials, Secret
from workflows.core.sentences import OnboardError
from workflows.machine.events import AGREES, Verdict
from workflows.messages.handoff import Handoff, Identity
from workflows.steps.shared import own_access_key
from workflows.steps.shared.module import Context
from workflows.steps.shared.own_access_key import (
    CLOCKS_APART,
    CREDENTIALS_FILE,
    PGP_FILE,
    VAULT,
    ForeignKey,
    check_owner,
    client_without_asking,
    code_device,
    created_key,
    delete_unkept,
    is_store_choice,
    known_serial,
    observe_store,
    store_for,
    store_options,
    with_own_key,
)
from workflows.steps.shared.own_identity import base_profile_of, fingerprint_of
from workflows.stores.key_records import KeyRecord, KeyRecords
from workflows.stores.key_store import KEPT_IN_FILE, KEPT_IN_KEYRING, KEPT_IN_PGP_FILE
from workflows.stores.system_keyring import KeyringVault
from workflows.stores.vault import PgpFileVault, VaultChoice, VaultUnavailable, store_access_key

JANE = identity()
BASE = "bb-security"
KEY = Credentials("AKIAEXAMPLEEXAMPLE01", Secret("s" * 40))
NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)


def context(home: Path, vaults: VaultChoice | None = None, **facts: Any) -> Context:
    def chosen(_fingerprint: str) -> VaultChoice:
        if vaults is None:
            raise VaultUnavailable("No keyring", "There is none.")
        return vaults

    known = {"handoff": Handoff("bb", (JANE,)), **facts}
    return Context(fake_environment(home, {}, vault=chosen), known, {}, JANE.account_name, home)


@pytest.mark.parametrize(
    ("arn", "known", "is_theirs"),
    [
        ("user/jane.doe", JANE, True),
        ("user/people/Jane.Doe", JANE, True),
        ("user/jane.doe", replace(JANE, user="Jane.Doe"), True),
        ("user/jane.doe", replace(JANE, user="", account_id=""), True),
        ("user/sam.lee", JANE, False),
        ("user/jane.doe", replace(JANE, account_id="111111111111"), False),
        ("assumed-role/DevOps/jane.doe", replace(JANE, user=""), False),
    ],
)
def test_a_key_is_its_users_own(tmp_path: Path, arn: str, known: Identity, *, is_theirs: bool) -> None:
    who = Caller(f"arn:aws:iam::222222222222:{arn}", "222222222222")
    if is_theirs:
        check_owner(who, known, context(tmp_path))
        return
    with pytest.raises(ForeignKey):
        check_owner(who, known, context(tmp_path))


@dataclass
class Session:
    """A user's keys in AWS, and what was done with them."""

    keys: list[AccessKey] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    refuses: bool = False

    def listed(self) -> tuple[AccessKey, ...]:
        return tuple(self.keys)

    def create(self) -> tuple[str, Secret]:
        return "AKIANEW", Secret("n" * 40)

    def delete(self, access_key_id: str) -> None:
        if self.refuses:
            raise AwsError(AwsFailure.NETWORK, "Title", doing="it", detail="")
        self.deleted.append(access_key_id)


@pytest.mark.parametrize(
    ("key", "deleted"),
    [
        (AccessKey("AKIANEW", True, NOW + CLOCKS_APART, None, ""), "AKIANEW"),
        (AccessKey("AKIAOLD", True, NOW, None, ""), ""),
        (AccessKey("AKIANEW", True, NOW, NOW, "s3"), ""),
        (AccessKey("AKIANEW", True, NOW - CLOCKS_APART - timedelta(seconds=1), None, ""), ""),
    ],
    ids=["never kept", "there before", "used", "of another time"],
)
def test_only_a_key_that_a_lost_answer_left_is_deleted(key: AccessKey, deleted: str) -> None:
    session: Any = Session([key])
    assert delete_unkept(session, ("AKIAOLD",), NOW) == deleted
    assert session.deleted == ([deleted] if deleted else [])


def test_a_new_key_stays_only_if_it_was_kept_and_is_known_until_then(tmp_path: Path) -> None:
    own, session = context(tmp_path), Session()
    made: Any = session
    records = KeyRecords(own.environment.key_records_folder)

    def begun() -> str | None:
        creation = records.creation("bb", BASE)
        return creation.new_id if creation else None

    with created_key(made, own.environment, "bb", BASE, VAULT) as key:
        assert (key.access_key_id, begun()) == ("AKIANEW", "AKIANEW")
    assert (session.deleted, begun(), key.secret_access_key.dropped) == ([], None, True)
    with suppress(KeyboardInterrupt), created_key(made, own.environment, "bb", BASE, VAULT):
        raise KeyboardInterrupt
    assert (session.deleted, begun()) == (["AKIANEW"], None)
    session.refuses = True
    with pytest.raises(OnboardError), created_key(made, own.environment, "bb", BASE, VAULT):
        raise KeyboardInterrupt
    assert begun() == "AKIANEW", "the next creation deletes it"


SERIALS = ["arn:aws:iam::222222222222:mfa/old", "arn:aws:iam::222222222222:u2f/user/jane.doe/key"]


def test_a_code_comes_from_the_newest_device_that_gives_any() -> None:
    old, security_key = (MfaDevice(serial, NOW) for serial in SERIALS)
    new = MfaDevice("GAHT12345678", NOW)
    assert code_device([old, new, security_key]) == new.serial
    assert code_device([security_key]) is None


@pytest.mark.parametrize(
    ("registered", "serial"),
    [("2026-03-01T09:00:00+00:00", "of the key"), ("2026-03-01T11:00:00+00:00", "registered")],
)
def test_the_device_is_the_one_that_aws_named_last(registered: str, serial: str) -> None:
    facts: Mapping[str, Any] = {
        "mfa": {"serial": "registered", "at": registered},
        "access_key": {"mfa_serial": "of the key", "at": NOW.isoformat()},
    }
    assert known_serial(facts) == serial
    assert known_serial({"mfa": {"serial": "registered"}}) == "registered"
    assert known_serial({}) == ""


def test_the_best_store_is_offered_first_and_why_a_better_one_is_not(tmp_path: Path) -> None:
    options = store_options(context(tmp_path, VaultChoice(MemoryVault())), JANE)
    assert [option.choice for option in options] == [VAULT, CREDENTIALS_FILE]
    assert "~/.aws/bb/credentials" in options[1].words
    assert [option.choice for option in store_options(context(tmp_path), JANE)] == [CREDENTIALS_FILE]
    passed_over = VaultUnavailable("None", "No keyring.")
    (first, _) = store_options(context(tmp_path, VaultChoice(MemoryVault(), passed_over)), JANE)
    assert first.passed_over == "No keyring."


def test_each_usable_pgp_key_can_be_chosen_where_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, other = "A" * 40, "B" * 40
    monkeypatch.setattr(own_access_key, "usable_here", lambda *_: (own, other))
    files = PgpFileVault(tmp_path, bytes, bytes)
    for vaults, first in (
        (VaultChoice(files), (VAULT,)),
        (VaultChoice(MemoryVault(), others=(files,)), (VAULT, PGP_FILE)),
    ):
        here = context(tmp_path, vaults)
        unnamed = replace(JANE, key_fingerprint="", encrypted_password=None)
        options = store_options(here, unnamed)
        choices = [option.choice for option in options]
        assert choices == [*first, f"{PGP_FILE}:{other}", CREDENTIALS_FILE]
        assert len({option.words for option in options}) == len(options), "each key is named"
        assert all(map(is_store_choice, choices))
        assert [*first, CREDENTIALS_FILE] == [option.choice for option in store_options(here, JANE)]
    choice, chosen = with_own_key(f"{PGP_FILE}:{other}", here)
    assert (choice, fingerprint_of(chosen, unnamed)) == (PGP_FILE, other)
    assert with_own_key(VAULT, here) == (VAULT, here)


def test_a_store_that_is_not_here_is_not_replaced_by_another(tmp_path: Path) -> None:
    files = PgpFileVault(tmp_path, bytes, bytes)
    keyring = KeyringVault(FakeKeyring())
    here = context(tmp_path, VaultChoice(MemoryVault(), others=(files, keyring)))
    for choice, kept in (
        (VAULT, KEPT_IN_KEYRING),
        (PGP_FILE, KEPT_IN_PGP_FILE),
        (keyring.backend_class, KEPT_IN_KEYRING),
        (CREDENTIALS_FILE, KEPT_IN_FILE),
    ):
        assert store_for(choice, here, JANE).kind == kept
    assert store_for(keyring.backend_class, here, JANE).backend == keyring.backend_class
    with pytest.raises(VaultUnavailable):
        store_for("keyring.backends.kwallet.DBusKeyring", here, JANE)
    locked = VaultUnavailable("Locked", "It is locked.")
    with pytest.raises(VaultUnavailable) as refused:
        store_for(PGP_FILE, context(tmp_path, VaultChoice(MemoryVault(), locked)), JANE)
    assert refused.value is locked


def test_a_kept_key_is_looked_for_where_it_was_put(tmp_path: Path) -> None:
    vault = MemoryVault()
    own = context(tmp_path, VaultChoice(vault))
    for choice, kept in ((VAULT, KEPT_IN_KEYRING), (CREDENTIALS_FILE, KEPT_IN_FILE)):
        recorded = {"id": KEY.access_key_id, "kept": kept}
        assert observe_store(own, JANE, recorded).verdict is Verdict.CHANGED
        store_for(choice, own, JANE).keep(KEY, None)
        assert observe_store(own, JANE, recorded) == AGREES
    other = {"id": "AKIAOTHEROTHEROTHE01", "kept": KEPT_IN_FILE}
    assert observe_store(own, JANE, other).verdict is Verdict.CHANGED
    now = own.environment.now()
    rotated = KeyRecord(
        *("bb", base_profile_of(own, JANE), KEY.access_key_id, KEPT_IN_FILE, JANE.user, JANE.account_id),
        *("us-east-1", now),
    )
    KeyRecords(own.environment.key_records_folder).put(rotated)
    assert observe_store(own, JANE, other) == AGREES, "iam-onboard itself rotated it"
    locked = VaultUnavailable("Locked", "It is locked.")
    own = context(tmp_path, VaultChoice(MemoryVault(), locked))
    assert observe_store(own, JANE, {"id": "", "kept": KEPT_IN_KEYRING}).verdict is Verdict.UNKNOWN


def test_in_the_background_no_profile_is_followed_and_nothing_of_the_persons_pgp_key_opened(
    tmp_path: Path,
) -> None:
    """The stored key is missing; following the profile would run its program, and the vault would ask gpg."""
    ran, opened = tmp_path / "ran", list[bytes]()

    def decrypt(message: bytes) -> bytes:
        opened.append(message)
        return message

    folder = tmp_path / ".aws" / "bb"
    folder.mkdir(parents=True)
    (folder / "config").write_text(f"[profile {BASE}]\ncredential_process = /bin/sh -c 'touch {ran}'\n")
    guarded = PgpFileVault(tmp_path / "vault", lambda plain: b"PGP" + plain, decrypt)
    choice = VaultChoice(MemoryVault(), others=(guarded,))
    store_access_key(guarded, "bb", BASE, KEY)
    for kept in ("keyring", "credentials-file", "pgp-file"):
        own = context(tmp_path, choice, access_key={"id": KEY.access_key_id, "kept": kept})
        with client_without_asking("iam", own) as client:
            assert client is None
    assert opened == []
    assert not ran.exists()
