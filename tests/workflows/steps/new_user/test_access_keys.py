"""Access keys with a strict AWS: every way to get one, and that only proved keys are stored."""

from __future__ import annotations

import base64
import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support.fakes import MemoryVault
from support.pgp import GpgHome, gpg_home
from support.served_aws import BASE, NewUserAws, jane, served, user_key

from workflows.aws.errors import AwsError, translate
from workflows.aws.sts import RepeatedCode
from workflows.core import files
from workflows.core.files import FileError
from workflows.core.secret import Credentials, Secret
from workflows.core.sentences import OnboardError, text_of
from workflows.machine.events import AGREES, NOT_ASKED, Observation, StepKey, Verdict
from workflows.steps.new_user import access_keys as step, mfa, sign_in
from workflows.steps.new_user.access_keys import API, CONSOLE, HANDOFF, KEPT, TYPED, Request
from workflows.steps.shared import own_access_key
from workflows.steps.shared.module import Context, Progress
from workflows.steps.shared.own_access_key import CREDENTIALS_FILE, PGP_FILE, VAULT, not_accepted
from workflows.stores.key_records import KeyRecord
from workflows.stores.key_store import KEPT_IN_PGP_FILE
from workflows.stores.vault import PgpFileVault, VaultChoice, VaultUnavailable, store_access_key

SERIAL = "arn:aws:iam::222222222222:mfa/jane.doe"
NAME = f"bb/{BASE}/access-key"
MAY_LIST = """{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Action": ["iam:ListAccessKeys", "iam:ListMFADevices"], "Resource": "*"}]}"""
"""A policy that allows this without MFA."""


@pytest.fixture
def new_user(tmp_path: Path) -> Iterator[NewUserAws]:
    with served(tmp_path) as made:
        yield made


def vault_of(new_user: NewUserAws) -> Any:
    return new_user.environment.vault("").vault


def test_the_downloaded_file_is_noticed_imported_kept_and_deleted(new_user: NewUserAws) -> None:
    key = user_key(new_user)
    new_user.aws.device()
    context = new_user.context()
    assert step.downloads(context) == ()
    path = new_user.csv(key)
    os.utime(path, (new_user.aws.now() - 12,) * 2)
    assert [(found.path, found.age_seconds) for found in step.downloads(context)] == [(path, 12)]
    request = Request(VAULT, CONSOLE, path=str(path))
    assert step.validate(request, context) == []
    fact = step.perform(request, context, new_user.report)["access_key"]
    assert (fact["id"], fact["kept"], fact["how"]) == (key["AccessKeyId"], "keyring", "console")
    assert fact["mfa_serial"] == SERIAL
    assert not path.exists()
    assert key["SecretAccessKey"] in vault_of(new_user).kept[NAME]
    assert key["SecretAccessKey"] not in str(fact)
    assert step.observe(new_user.context(access_key=fact)) == AGREES
    vault_of(new_user).kept.clear()
    assert step.observe(new_user.context(access_key=fact)).contradicts


def test_old_downloads_are_not_offered_and_the_file_may_stay(new_user: NewUserAws) -> None:
    key, context = user_key(new_user), new_user.context()
    path = new_user.csv(key)
    os.utime(path, (new_user.aws.now() - 7200,) * 2)
    assert step.downloads(context) == ()
    request = Request(VAULT, CONSOLE, path=str(path), delete_file=False)
    fact = step.perform(request, context, new_user.report)["access_key"]
    assert step.left_file(fact) == str(path)
    path.write_text("Access key ID,Secret access key\nAKIAOTHERKEYINIT0001," + "s" * 40)
    assert step.left_file(fact) == "", "another file has its name now"
    path.unlink()
    assert step.left_file(fact) == ""


def test_a_file_is_not_offered_whose_key_is_kept_for_another_account_or_rejected(
    new_user: NewUserAws,
) -> None:
    key = user_key(new_user)
    path, context = new_user.csv(key), new_user.context()
    fact = {"id": key["AccessKeyId"], "kept": "keyring"}
    assert [found.key_id for found in step.downloads(context)] == [key["AccessKeyId"]]
    assert step.downloads(replace(context, every={"access_key@management": fact})) == ()
    assert step.downloads(replace(context, every={f"access_key@{context.item}": fact}))
    look = replace(not_accepted(key["AccessKeyId"]), asked_at=context.environment.now().isoformat())
    rejected = {StepKey("access-keys", context.item): look}
    assert step.downloads(replace(context, observed=rejected)) == ()
    assert path.exists()


def test_in_plain_text_it_is_written_with_the_base_profile(new_user: NewUserAws) -> None:
    key, context = user_key(new_user), new_user.context()
    request = Request(
        CREDENTIALS_FILE, TYPED, key_id=key["AccessKeyId"], secret=Secret(key["SecretAccessKey"])
    )
    fact = step.perform(request, context, new_user.report)["access_key"]
    assert (fact["kept"], fact["mfa_serial"]) == ("credentials-file", None)
    path = new_user.environment.home / ".aws" / "bb" / "credentials"
    assert path.read_text() == (
        f"[{BASE}]\naws_access_key_id = {key['AccessKeyId']}\n"
        f"aws_secret_access_key = {key['SecretAccessKey']}\n"
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert step.observe(new_user.context(access_key=fact)) == AGREES
    path.write_text("[other]\n")
    assert step.observe(new_user.context(access_key=fact)).contradicts


@pytest.mark.parametrize("kept", [VAULT, CREDENTIALS_FILE])
def test_another_persons_key_is_refused_and_nothing_is_kept(new_user: NewUserAws, kept: str) -> None:
    path = new_user.csv(user_key(new_user, "juan.delacruz"))
    with pytest.raises(OnboardError, match=r" juan\.delacruz "):
        step.perform(Request(kept, CONSOLE, path=str(path)), new_user.context(), new_user.report)
    assert path.exists()
    assert vault_of(new_user).kept == {}
    assert not (new_user.environment.home / ".aws" / "bb" / "credentials").exists()


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_key_that_was_written_by_hand_meanwhile_is_named_and_kept_in_the_backup(
    new_user: NewUserAws, by_hand: bool
) -> None:
    file = new_user.environment.home / ".aws" / "bb" / "credentials"
    if by_hand:
        file.parent.mkdir(parents=True)
        file.write_text(f"[{BASE}]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = other\n")
    key = user_key(new_user)

    def kept() -> list[str]:
        typed = Request(
            CREDENTIALS_FILE, TYPED, key_id=key["AccessKeyId"], secret=Secret(key["SecretAccessKey"])
        )
        facts = step.perform(typed, new_user.context(), new_user.report)["access_key"]
        return [text_of(words) for words in facts["told"]]

    told = kept()
    assert any("AKIAOTHER" in words for words in told) is by_hand
    assert any("AKIAOTHER" in copy.read_text() for copy in file.parent.glob("*.backup-*")) is by_hand
    assert not any("AKIAOTHER" in words for words in kept()), "its own key is replaced without a word"


def test_a_key_of_another_account_is_refused(new_user: NewUserAws) -> None:
    user_key(new_user)
    elsewhere = new_user.aws.user("jane.doe", account="111111111111")
    path = new_user.csv(elsewhere)
    new_user.identities += (jane(account_name="management", account_id="111111111111", profiles=()),)
    with pytest.raises(OnboardError, match="111111111111") as refused:
        step.perform(Request(VAULT, CONSOLE, path=str(path)), new_user.context(), new_user.report)
    assert "user" not in refused.value.title, "it is the same one's"
    assert "management" in refused.value.what


def test_a_key_that_aws_does_not_know_is_told(new_user: NewUserAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_access_key, "LONGEST_WAIT_SECONDS", 0.6)
    wrong = {"AccessKeyId": "AKIANOBODYNOBODYNO01", "SecretAccessKey": "s" * 40}
    path = new_user.csv(wrong)
    with pytest.raises(OnboardError) as refused:
        step.perform(Request(VAULT, CONSOLE, path=str(path)), new_user.context(), new_user.report)
    assert "s" * 40 not in refused.value.as_text()
    assert wrong["AccessKeyId"] in text_of(refused.value.what)
    assert path.name in text_of(refused.value.what)
    assert path.exists()


def test_iam_may_learn_of_a_new_key_later_than_sts(
    new_user: NewUserAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = user_key(new_user)
    new_user.aws.device()
    asked: list[str] = []
    really = own_access_key.devices_of

    def late(*arguments: Any) -> Any:
        asked.append("")
        if len(asked) < 3:
            raise translate(ClientError({"Error": {"Code": "InvalidClientTokenId"}}, "ListMFADevices"))
        return really(*arguments)

    monkeypatch.setattr(own_access_key, "devices_of", late)
    request = Request(VAULT, CONSOLE, path=str(new_user.csv(key)))
    fact = step.perform(request, new_user.context(), new_user.report)["access_key"]
    assert fact["mfa_serial"] == SERIAL
    assert len(asked) == 4  # and once more, as AWS answers from several places


def test_over_the_api_with_the_kept_key_and_a_code(new_user: NewUserAws) -> None:
    old = user_key(new_user)
    store_access_key(
        vault_of(new_user), "bb", BASE, Credentials(old["AccessKeyId"], Secret(old["SecretAccessKey"]))
    )
    _, seed = new_user.aws.device()
    context = new_user.context()
    request = Request(VAULT, API, code=new_user.code(seed, 1))
    assert step.validate(request, context) == []
    fact = step.perform(request, context, new_user.report)["access_key"]
    assert fact["id"] != old["AccessKeyId"]
    assert sorted(new_user.keys()) == sorted([old["AccessKeyId"], fact["id"]])
    assert fact["id"] in vault_of(new_user).kept[NAME]
    with pytest.raises(RepeatedCode):
        step.perform(request, context, new_user.report)


def test_an_old_key_that_aws_still_has_as_active_is_named_with_its_account_and_the_way_out(
    new_user: NewUserAws,
) -> None:
    key = user_key(new_user)
    old = key["AccessKeyId"]
    _, seed = new_user.aws.device()
    request = Request(VAULT, API, path=str(new_user.csv(key)), code=new_user.code(seed, 1))
    fact = step.perform(request, new_user.context(), new_user.report)["access_key"]
    assert (fact["old_ids"], fact["old_seen"]) == ([old], True)
    (sentence,) = [words for words in fact["told"] if old in words]
    assert "222222222222" in sentence
    assert "Deactivate" in sentence


@pytest.mark.parametrize("may_list", [True, False])
@pytest.mark.parametrize("status", ["Active", "Inactive"])
def test_a_key_that_another_takes_the_place_of_is_named_unless_aws_says_that_it_rests(
    new_user: NewUserAws, *, may_list: bool, status: str
) -> None:
    iam = new_user.aws.administrator("iam")
    old = new_user.aws.user("jane.doe", MAY_LIST) if may_list else user_key(new_user)
    first = step.perform(Request(VAULT, CONSOLE, str(new_user.csv(old))), new_user.context(), new_user.report)
    assert first["access_key"]["old_ids"] == []
    new = iam.create_access_key(UserName="jane.doe")["AccessKey"]
    iam.update_access_key(UserName="jane.doe", AccessKeyId=old["AccessKeyId"], Status=status)
    context = new_user.context(access_key=first["access_key"])
    fact = step.perform(Request(VAULT, CONSOLE, str(new_user.csv(new))), context, new_user.report)[
        "access_key"
    ]
    rests = may_list and status == "Inactive"
    assert fact["old_ids"] == ([] if rests else [old["AccessKeyId"]])
    assert fact["old_seen"] is may_list
    again = new_user.context(access_key=fact)
    kept = step.perform(Request(VAULT, KEPT), again, new_user.report)["access_key"]
    assert kept["old_ids"] == fact["old_ids"], "it is remembered until AWS says otherwise"


@pytest.mark.parametrize("other", [False, True])
def test_a_key_that_aws_rejected_is_known_and_need_not_be_deactivated(
    new_user: NewUserAws, *, other: bool
) -> None:
    old = user_key(new_user)
    first = step.perform(Request(VAULT, CONSOLE, str(new_user.csv(old))), new_user.context(), new_user.report)
    look = not_accepted("AKIAIOSFODNN7EXAMPLE" if other else old["AccessKeyId"])
    context = new_user.context(access_key=first["access_key"])
    observed = {StepKey("access-keys", context.item): replace(look, asked_at="2026-03-01T10:00:00+00:00")}
    context = replace(context, observed=observed)
    assert step.survey(context, new_user.report).rejected is not other
    new = new_user.aws.administrator("iam").create_access_key(UserName="jane.doe")["AccessKey"]
    request = Request(VAULT, CONSOLE, str(new_user.csv(new)))
    fact = step.perform(request, context, new_user.report)["access_key"]
    assert fact["old_ids"] == ([old["AccessKeyId"]] if other else [])


def test_a_new_key_that_cannot_be_kept_is_deleted_again(new_user: NewUserAws) -> None:
    old = user_key(new_user)
    _, seed = new_user.aws.device()
    path = new_user.csv(old)

    class Full(MemoryVault):
        def store(self, name: str, secret: Secret) -> None:
            raise VaultUnavailable("Full", f"It does not take {name}, {secret}.")

    new_user.environment = replace(new_user.environment, vault=lambda _: VaultChoice(Full()))
    request = Request(VAULT, API, path=str(path), code=new_user.code(seed, 1))
    with pytest.raises(VaultUnavailable, match=r"^Full"):
        step.perform(request, new_user.context(), new_user.report)
    assert new_user.keys() == [old["AccessKeyId"]]
    assert path.exists()


@pytest.mark.parametrize("in_hand", [0, 1])
def test_two_keys_already_are_shown_with_their_age(new_user: NewUserAws, in_hand: int) -> None:
    """The current key is never the one that can be deleted, whatever the ages."""
    old = user_key(new_user)
    second = new_user.aws.administrator("iam").create_access_key(UserName="jane.doe")["AccessKey"]
    keys = (old, second)
    _, seed = new_user.aws.device()
    path = str(new_user.csv(keys[in_hand]))
    request = Request(VAULT, API, path=path, code=new_user.code(seed, 1))
    with pytest.raises(own_access_key.TwoActiveKeys) as refused:
        step.perform(request, new_user.context(), new_user.report)
    assert refused.value.spare == keys[1 - in_hand]["AccessKeyId"]
    for key in keys:
        assert key["AccessKeyId"] in refused.value.what
    assert "unknown" in refused.value.what  # its policy does not allow it to ask for its last use
    assert refused.value.next.startswith(keys[1 - in_hand]["AccessKeyId"])


def test_without_a_device_no_session_is_tried(new_user: NewUserAws) -> None:
    request = Request(VAULT, API, path=str(new_user.csv(user_key(new_user))), code="123456")
    with pytest.raises(OnboardError) as refused:
        step.perform(request, new_user.context(), new_user.report)
    assert not isinstance(refused.value, AwsError), "AWS is not asked"


def test_a_file_that_cannot_be_kept_is_refused_before_the_key_is_made(new_user: NewUserAws) -> None:
    old = user_key(new_user)
    _, seed = new_user.aws.device()
    folder = new_user.environment.home / ".aws" / "bb"
    folder.mkdir(parents=True)
    (folder / "config").write_text("[profile a]\nregion = x\n[profile a]\n")
    request = Request(CREDENTIALS_FILE, API, path=str(new_user.csv(old)), code=new_user.code(seed, 1))
    with pytest.raises(OnboardError, match="line 3"):
        step.perform(request, new_user.context(), new_user.report)
    assert new_user.keys() == [old["AccessKeyId"]]


def failing_for(folder: Path, real: Callable[[Path], None]) -> Callable[[Path], None]:
    def sync_others(synced: Path) -> None:
        if synced == folder:
            raise OSError(errno.EIO, "not on the disk", str(synced))
        real(synced)

    return sync_others


def test_a_new_key_that_is_in_its_file_stays_although_the_folder_cannot_be_synced(
    new_user: NewUserAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = user_key(new_user)
    _, seed = new_user.aws.device()
    folder = new_user.environment.home / ".aws" / "bb"
    monkeypatch.setattr(files, "sync_folder", failing_for(folder, files.sync_folder))
    request = Request(CREDENTIALS_FILE, API, path=str(new_user.csv(old)), code=new_user.code(seed, 1))
    fact = step.perform(request, new_user.context(), new_user.report)["access_key"]
    assert {*new_user.keys()} == {old["AccessKeyId"], fact["id"]}
    assert fact["id"] in (folder / "credentials").read_text()


def test_the_handoffs_secret_is_decrypted(new_user: NewUserAws, gpg: GpgHome) -> None:
    key = user_key(new_user)
    gpg.key("jane", passphrase="canary-passphrase")
    secret = base64.b64encode(gpg.encrypt("jane", key["SecretAccessKey"])).decode()
    new_user.environment = replace(new_user.environment, gnupg_home=gpg.path)
    fingerprint = gpg.fingerprint("jane")
    new_user.identities = (
        jane(access_key_id=key["AccessKeyId"], encrypted_secret=secret, key_fingerprint=fingerprint),
    )
    context = new_user.context()
    request = Request(VAULT, HANDOFF, passphrase=Secret("canary-passphrase"))
    assert step.validate(request, context) == []
    fact = step.perform(request, context, new_user.report)["access_key"]
    assert (fact["id"], fact["how"]) == (key["AccessKeyId"], "handoff")
    assert key["SecretAccessKey"] in vault_of(new_user).kept[NAME]


@pytest.fixture
def gpg() -> Iterator[GpgHome]:
    with gpg_home() as home:
        yield home


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (Request("", CONSOLE), "kept"),
        (Request(VAULT, CONSOLE), "path"),
        (Request(VAULT, CONSOLE, path="S3cret/" * 6), "path"),
        (Request(VAULT, API, path="S3cret/" * 6), "path"),
        (Request(VAULT, TYPED), "key_id"),
        (Request(VAULT, TYPED, key_id="AKIAEXAMPLEEXAMPLE01"), "secret"),
        (Request(VAULT, TYPED, key_id="AKIAEXAMPLEEXAMPLE01", secret=Secret("short")), "secret"),
        (Request(VAULT, TYPED, key_id="hello", secret=Secret("s" * 40)), "key_id"),
        (Request(VAULT, API, code="12"), "code"),
        (Request(VAULT, HANDOFF), "how"),
        (Request(VAULT, ""), "how"),
    ],
)
def test_what_is_missing_is_named(new_user: NewUserAws, request_: Request, field: str) -> None:
    problems = step.validate(request_, new_user.context())
    assert [problem.field for problem in problems] == [field]
    assert problems[0].fatal


def test_a_temporary_key_is_not_kept(new_user: NewUserAws) -> None:
    new_user.environment.downloads.mkdir()
    path = new_user.environment.downloads / "t.csv"
    path.write_text(f"Access key ID,Secret access key,Session token\nASIAEXAMPLEEXAMPLE01,{'s' * 40},token\n")
    with pytest.raises(OnboardError, match="temporary key"):
        step.perform(Request(VAULT, CONSOLE, path=str(path)), new_user.context(), new_user.report)


def test_later_aws_is_asked_with_the_kept_key_about_key_device_and_password(new_user: NewUserAws) -> None:
    """This is done in the background after a resume, without what the person's PGP key protects."""
    key = user_key(new_user)
    new_user.aws.device()
    context = new_user.context()
    typed = Request(VAULT, TYPED, key_id=key["AccessKeyId"], secret=Secret(key["SecretAccessKey"]))
    fact = step.perform(typed, context, new_user.report)["access_key"]
    context = new_user.context(access_key=fact, mfa={"serial": None, "how": "console"})
    administrator = new_user.aws.administrator("iam")
    assert step.inquire(context) == AGREES
    assert mfa.inquire(context) == replace(AGREES, about=(SERIAL,))
    assert not sign_in.inquire(context).contradicts
    administrator.deactivate_mfa_device(UserName="jane.doe", SerialNumber=SERIAL)
    assert mfa.inquire(context).verdict is Verdict.GONE
    administrator.update_access_key(UserName="jane.doe", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    gone = step.inquire(context)
    assert (gone.verdict, gone.about) == (Verdict.GONE, (key["AccessKeyId"],))
    before_a_rotation = new_user.context(access_key={**fact, "id": "AKIAREPLACED"}, mfa=None)
    assert step.inquire(before_a_rotation).about == (key["AccessKeyId"],), "the key that is kept by now"
    whys = set()
    for inquire in (mfa.inquire, sign_in.inquire):
        with pytest.raises(AwsError) as refused:
            inquire(context)
        whys.add(refused.value.what)
    assert len(whys) == 1, "a look at many steps gives one reason"
    guarded = new_user.context(access_key={**fact, "kept": KEPT_IN_PGP_FILE})
    assert replace(step.inquire(guarded), remedy="") == NOT_ASKED, "what it said before stands"
    assert step.observe(guarded).verdict is Verdict.AS_DECIDED, "AWS said so this hour"
    unknown = {name: value for name, value in fact.items() if name != "at"}
    old = new_user.context(access_key={**unknown, "kept": KEPT_IN_PGP_FILE})
    assert replace(step.observe(old), remedy="") == NOT_ASKED, (
        "an earlier version didn't record when AWS said so"
    )
    ago = "2020-03-01T10:00:00+00:00"
    past = new_user.context(access_key={**fact, "kept": KEPT_IN_PGP_FILE, "at": ago})
    assert (step.observe(past).verdict, step.observe(past).at) == (Verdict.UNKNOWN, ago)
    now = new_user.environment.now().isoformat(timespec="seconds")
    looked = {StepKey("access-keys", past.item): Observation(Verdict.AS_DECIDED, at=now)}
    for kept, at in ((KEPT_IN_PGP_FILE, now), ("keyring", ago)):
        key = {**past.facts["access_key"], "kept": kept}
        seen = replace(past, facts={**past.facts, "access_key": key}, observed=looked)
        assert step.confirmed_at(seen) == at, "the look at a keyring asks nobody"
    assert step.observe(past).remedy, "it takes a passphrase, which somebody has to be asked for"
    assert not step.observe(replace(past, opens=True)).remedy
    key, now = StepKey("access-keys", past.item), past.environment.now().isoformat()
    asked = replace(past, observed={key: replace(AGREES, at=now)})
    assert (step.observe(asked).verdict, step.observe(asked).at) == (Verdict.AS_DECIDED, now)
    said = {"signed_in": {"proof": "so"}, "mfa": {"serial": None, "how": "console"}}
    for inquire in (mfa.inquire, sign_in.inquire):
        assert inquire(replace(past, facts={**past.facts, **said})).remedy
    vault_of(new_user).kept.clear()
    assert step.inquire(context) == NOT_ASKED
    assert step.observe(context).verdict is Verdict.CHANGED
    without = new_user.context(mfa={"serial": None, "how": "console"})
    for inquire in (mfa.inquire, sign_in.inquire):
        seen = inquire(without)
        assert (seen.verdict, bool(seen.remedy)) == (Verdict.UNKNOWN, True), "a key would let AWS be asked"


def from_file(new_user: NewUserAws) -> tuple[Request, Path]:
    """Return a request that stores a downloaded key and then deletes its file, and the file's path."""
    csv = new_user.csv(user_key(new_user))
    return Request(VAULT, CONSOLE, path=str(csv), delete_file=True), csv


def test_a_key_is_encrypted_to_the_chosen_one_of_several_pgp_keys(
    new_user: NewUserAws, tmp_path: Path
) -> None:
    request, _ = from_file(new_user)
    files, asked = (
        PgpFileVault(tmp_path / "vault", lambda text: text[::-1], lambda text: text[::-1]),
        set[str](),
    )

    def vault(fingerprint: str) -> VaultChoice:
        asked.add(fingerprint)
        return VaultChoice(files)

    new_user.environment = replace(new_user.environment, vault=vault)
    context, chosen = new_user.context(), "B" * 40
    step.perform(replace(request, kept=f"{PGP_FILE}:{chosen}"), context, new_user.report)
    record = step.kept_record(context)
    assert record is not None
    assert (record.kept, record.fingerprint) == (KEPT_IN_PGP_FILE, chosen)
    assert asked == {chosen}


def test_a_key_whose_record_finds_no_room_is_not_kept_and_its_file_stays(new_user: NewUserAws) -> None:
    records = new_user.environment.key_records_folder
    records.parent.mkdir(parents=True, exist_ok=True)
    records.touch()
    request, csv = from_file(new_user)
    with pytest.raises(FileError):
        step.perform(request, new_user.context(), new_user.report)
    assert vault_of(new_user).kept == {}
    assert csv.exists()


@pytest.mark.parametrize("place", [VAULT, CREDENTIALS_FILE])
def test_nothing_else_that_has_the_key_is_deleted_while_the_kept_one_may_not_be_on_the_disk(
    new_user: NewUserAws, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    request, csv = from_file(new_user)
    request = replace(request, kept=place)
    vault_of(new_user).kept[NAME] = "an older key"
    store, folder = MemoryVault.store, new_user.environment.home / ".aws" / "bb"

    def store_unsynced(vault: MemoryVault, name: str, secret: Secret) -> files.NotSynced:
        store(vault, name, secret)
        return files.NotSynced("A file problem", f"{folder} can't be synced.")

    real = files.sync_folder
    with monkeypatch.context() as patch:
        patch.setattr(MemoryVault, "store", store_unsynced)
        patch.setattr(files, "sync_folder", failing_for(folder, real))
        fact = step.perform(request, new_user.context(), new_user.report)["access_key"]
    assert csv.exists()
    assert NAME in vault_of(new_user).kept
    assert any(f"{folder} " in str(sentence) for sentence in fact["told"])
    fact = step.perform(request, new_user.context(), new_user.report)["access_key"]
    assert not csv.exists()
    assert (NAME in vault_of(new_user).kept) is (place == VAULT)
    assert not any(f"{folder} " in str(sentence) for sentence in fact["told"])


def test_a_file_stays_while_the_record_of_its_key_may_not_be_on_the_disk(
    new_user: NewUserAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, csv = from_file(new_user)
    folder = new_user.environment.key_records_folder
    monkeypatch.setattr(files, "sync_folder", failing_for(folder, files.sync_folder))
    fact = step.perform(request, new_user.context(), new_user.report)["access_key"]
    assert csv.exists()
    assert NAME in vault_of(new_user).kept
    assert any(f"{folder} " in str(sentence) for sentence in fact["told"])


def test_a_file_that_another_took_the_place_of_meanwhile_stays(new_user: NewUserAws) -> None:
    request, csv = from_file(new_user)
    other = csv.read_text().replace("AKIA", "AKIB")

    reports: list[Progress] = []

    def replaced(progress: Progress) -> None:
        reports.append(progress)
        if len(reports) == 3:  # the key is read and proved
            csv.write_text(other)

    fact = step.perform(request, new_user.context(), replaced)["access_key"]
    assert csv.read_text() == other
    assert any(csv.name in str(sentence) for sentence in fact["told"])


def test_a_file_stays_where_the_record_of_its_key_cannot_be_read(
    new_user: NewUserAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, csv = from_file(new_user)
    real = step.kept_record

    def damaged_once_kept(context: Context) -> KeyRecord | None:
        if vault_of(new_user).kept:
            raise FileError("A file problem", "the record can't be read.")
        return real(context)

    monkeypatch.setattr(step, "kept_record", damaged_once_kept)
    unreadable = step.perform(request, new_user.context(), new_user.report)["access_key"]["told"][-1]
    assert csv.exists()
    monkeypatch.setattr(step, "kept_record", lambda _context: None)
    assert step.perform(request, new_user.context(), new_user.report)["access_key"]["told"][-1] == unreadable


def test_a_key_that_is_kept_stays_and_its_file_too_where_its_record_cannot_be_put_in_place(
    new_user: NewUserAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    records, real = new_user.environment.key_records_folder, Path.replace

    def replace_elsewhere(self: Path, target: Path) -> Path:
        if target.parent == records:
            raise OSError(errno.EROFS, "read-only")
        return real(self, target)

    request, csv = from_file(new_user)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace_elsewhere)
        fact = step.perform(request, new_user.context(), new_user.report)["access_key"]
    assert fact["id"] in vault_of(new_user).kept[NAME]
    assert csv.exists()
    assert list(records.iterdir()) == []
    again = step.perform(request, new_user.context(), new_user.report)["access_key"]
    kept = step.kept_record(new_user.context())
    assert (kept and kept.id, csv.exists()) == (again["id"], False)
