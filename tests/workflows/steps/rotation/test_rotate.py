"""A rotation that fails or is killed at each of its acts: there is a working key at all times."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.fakes import MemoryVault
from support.served_aws import BASE, NewUserAws, user_key
from support.strict_aws import SECURITY
from support.watched_acts import Acts, Killed, Watched

from workflows.aws.errors import AwsError, AwsFailure
from workflows.aws.iam import AccessKey
from workflows.core.files import NotSynced
from workflows.core.secret import Credentials, Secret
from workflows.core.sentences import OnboardError, text_of
from workflows.machine.events import AGREES, NOT_ASKED, Verdict
from workflows.profiles.write import profile_paths
from workflows.steps.rotation.rotate import Parts, finish, inquire, observe, recover, rotate
from workflows.stores.key_records import WAIT_DAYS, KeyRecord, KeyRecords, Phase, remark
from workflows.stores.key_store import FileStore, KeyStore, VaultStore

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
OLD = "AKIAOLDOLDOLDOLDOLD1"


def aws_error(failure: AwsFailure) -> AwsError:
    return AwsError(failure, failure.name, doing="it", detail="")


@dataclass
class Account:
    """A user's access keys at AWS."""

    secrets: dict[str, str] = field(default_factory=lambda: {OLD: "o" * 40})
    active: dict[str, bool] = field(default_factory=lambda: {OLD: True})
    made: int = 0
    serial: str | None = None

    def now(self) -> datetime:
        return NOW

    def listed(self) -> tuple[AccessKey, ...]:
        return tuple(AccessKey(secret, self.active[secret], NOW, None, "") for secret in self.secrets)

    def create(self) -> tuple[str, Secret]:
        if len(self.secrets) == 2:
            raise aws_error(AwsFailure.LIMIT)
        self.made += 1
        key_id, secret = f"AKIANEWNEWNEWNEWNEW{self.made}", str(self.made) * 40
        self.secrets[key_id], self.active[key_id] = secret, True
        return key_id, Secret(secret)

    def set_active(self, access_key_id: str, *, active: bool) -> None:
        self._there(access_key_id)
        self.active[access_key_id] = active

    def delete(self, access_key_id: str) -> None:
        self._there(access_key_id)
        del self.secrets[access_key_id], self.active[access_key_id]

    def prove(self, key: Credentials) -> None:
        if not self.takes(key):
            raise aws_error(AwsFailure.KEY_UNKNOWN)

    def takes(self, key: Credentials | None) -> bool:
        if key is None or not self.active.get(key.access_key_id):
            return False
        return self.secrets[key.access_key_id] == key.secret_access_key.reveal()

    def _there(self, access_key_id: str) -> None:
        if access_key_id not in self.secrets:
            raise aws_error(AwsFailure.NOT_FOUND)


@dataclass
class Person:
    """A person whose key is rotated: the account, the store of the key, and its record."""

    account: Account
    store: KeyStore
    records: KeyRecords

    @classmethod
    def with_store(cls, kind: str, folder: Path) -> Person:
        ticks = iter(range(10_000))
        vault = VaultStore(MemoryVault(), "bb", "bb-security")
        paths = profile_paths(folder / "home", "bb")
        file = FileStore(
            paths, "bb-security", "us-east-1", lambda: NOW + timedelta(seconds=next(ticks)), "file"
        )
        store: KeyStore = vault if kind == "vault" else file
        store.keep(Credentials(OLD, Secret("o" * 40)), None)
        person = cls(Account(), store, KeyRecords(folder / "records"))
        person.records.put(
            KeyRecord("bb", "bb-security", OLD, store.kind, "jane.doe", "222222222222", "us-east-1", NOW)
        )
        return person

    def record(self) -> KeyRecord:
        found = self.records.get("bb", "bb-security")
        assert found is not None
        return found

    def look(self) -> None:
        """Check that the stored key works."""
        assert self.account.takes(self.store.load()), "no working key is kept"

    def parts(self, acts: Acts) -> Parts:
        return Parts(
            Watched(self.account, acts),
            Watched(self.store, acts),
            acts.watched(self.records.put, "save"),
        )

    def start_anew(self) -> str:
        """Complete or undo an interrupted rotation, as the next start does; return the message."""
        record, told = recover(self.record(), self.parts(Acts(self.look)))
        assert record == self.record()
        return told

    def settled(self) -> None:
        """Check that the rotation has ended: there is one key, or a new one and an inactive old one."""
        kept, record = self.store.load(), self.record()
        assert kept is not None
        assert record.id == kept.access_key_id
        self.look()
        if record.rotation is None:
            assert list(self.account.secrets) == [record.id]
        else:
            assert record.rotation.phase is Phase.WAITING
            assert self.account.active == {record.rotation.old_id: False, record.id: True}


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip fsync, as there are hundreds of rotations; the tests of file writing cover power cuts."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture(params=["vault", "file"])
def person(request: pytest.FixtureRequest, tmp_path: Path) -> Person:
    return Person.with_store(request.param, tmp_path)


def test_the_acts_in_their_order_and_the_old_key_goes_later(person: Person) -> None:
    acts = Acts(person.look)
    record = rotate(person.record(), person.parts(acts))
    assert [
        name for name in acts.names if name in {"create", "keep", "set_active", "put_aside", "prove"}
    ] == [
        "create",
        "prove",
        "put_aside",
        "keep",
        "prove",
        "set_active",
    ]
    person.settled()
    waits, ready = remark(record, NOW), remark(record, NOW + timedelta(days=WAIT_DAYS))
    assert record.rotation is not None
    left = [
        record.rotation.days_left(NOW + timedelta(days=days)) for days in (0, 1, WAIT_DAYS, WAIT_DAYS + 1)
    ]
    assert left == [WAIT_DAYS, WAIT_DAYS - 1, 0, 0]
    waits_of = {remark(record, NOW + timedelta(days=days)).partition(".")[2] for days in range(WAIT_DAYS + 1)}
    assert len(waits_of) == WAIT_DAYS + 1, "each day says what is left"
    assert waits.partition(".")[2] != ready.partition(".")[2]
    person.account.active[OLD] = True
    with pytest.raises(OnboardError, match=OLD):
        finish(record, person.parts(Acts(person.look)))
    assert OLD in person.account.secrets, "somebody needed it again"
    found = person.record()
    assert found.rotation == replace(record.rotation, active_again=True)
    assert found.rotation.days_left(NOW) == 0, "it no longer waits inactive"
    assert remark(found, NOW) not in {waits, ready}
    person.account.active[OLD] = False
    done = finish(found, person.parts(Acts(person.look)))
    assert done.rotation is None
    person.settled()
    assert record.id not in {OLD, ""}
    assert remark(done, NOW) == ""


def test_a_key_that_a_power_failure_may_take_is_remarked_on_also_where_the_old_one_is_kept_again(
    person: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = number_of_acts(tmp_path / "count", "vault" if isinstance(person.store, VaultStore) else "file")
    unsynced, keep = NotSynced("A file problem", "The folder can't be synced."), type(person.store).keep

    def kept(store: KeyStore, key: Credentials, mfa_serial: str | None) -> NotSynced:
        keep(store, key, mfa_serial)  # type: ignore[arg-type]
        return unsynced

    monkeypatch.setattr(type(person.store), "keep", kept)
    failed = aws_error(AwsFailure.NETWORK)
    with pytest.raises(AwsError):
        rotate(person.record(), person.parts(Acts(person.look, names.index("keep") + 1, failed)))
    assert (text_of(failed.why).count(OLD), text_of(unsynced.what) in text_of(failed.why)) == (1, True)
    parts = person.parts(Acts(person.look))
    new_id = rotate(person.record(), parts).id
    assert [new_id in text_of(said) for said in parts.remarks] == [True]


def number_of_acts(folder: Path, kind: str) -> list[str]:
    person = Person.with_store(kind, folder)
    acts = Acts(person.look)
    rotate(person.record(), person.parts(acts))
    return acts.names


@pytest.mark.parametrize("kind", ["vault", "file"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "failure",
    [aws_error(AwsFailure.NETWORK), OSError(28, "No space left on device"), Killed()],
    ids=["fails", "raises", "killed"],
)
def test_wherever_it_breaks_a_kept_key_works_and_the_next_start_settles_it(
    tmp_path: Path, kind: str, after: bool, failure: BaseException
) -> None:
    names = number_of_acts(tmp_path / "count", kind)
    assert len(names) > 12
    for number, name in enumerate(names):
        person = Person.with_store(kind, tmp_path / f"{number}")
        acts = Acts(person.look, number, failure, after)
        with pytest.raises((OnboardError, OSError, Killed)):
            rotate(person.record(), person.parts(acts))
        person.look()
        told = person.start_anew()
        try:
            person.settled()
        except AssertionError as error:
            raise AssertionError(f"broken {'after' if after else 'before'} {name} ({number})") from error
        if isinstance(failure, Killed) and 1 < number < len(names) - 1:
            assert told
        # and a rotation is possible again
        if person.record().rotation is not None:
            finish(person.record(), person.parts(Acts(person.look)))
        rotate(person.record(), person.parts(Acts(person.look)))
        person.settled()


@pytest.mark.parametrize("kind", ["vault", "file"])
def test_a_recovery_that_is_killed_is_recovered(tmp_path: Path, kind: str) -> None:
    names = number_of_acts(tmp_path / "count", kind)
    for number in range(len(names)):
        for second in range(12):
            person = Person.with_store(kind, tmp_path / f"{number}-{second}")
            with pytest.raises(Killed):
                rotate(person.record(), person.parts(Acts(person.look, number, Killed(), after=True)))
            acts = Acts(person.look, second, Killed(), after=True)
            try:
                recover(person.record(), person.parts(acts))
            except Killed:
                person.start_anew()
            person.settled()


def test_storing_that_fails_deletes_the_new_key(person: Person) -> None:
    acts = Acts(person.look)
    names = number_of_acts(person.records.folder.parent / "count", "vault")
    acts.break_at, acts.failure = names.index("keep"), OnboardError("Full", "No room.")
    with pytest.raises(OnboardError, match="No room"):
        rotate(person.record(), person.parts(acts))
    assert list(person.account.secrets) == [OLD]
    person.settled()


def test_a_new_key_that_was_deleted_meanwhile_is_given_up_for_the_old_one(person: Person) -> None:
    names = number_of_acts(person.records.folder.parent / "count", "vault")
    at = names.index("keep")
    with pytest.raises(Killed):
        rotate(person.record(), person.parts(Acts(person.look, at, Killed(), after=True)))
    person.account.delete("AKIANEWNEWNEWNEWNEW1")
    record, told = recover(person.record(), person.parts(Acts(lambda: None)))
    assert "undone" in told
    assert record.id == OLD
    person.settled()


def test_somebody_elses_new_key_is_left_alone(person: Person) -> None:
    with pytest.raises(Killed):
        rotate(person.record(), person.parts(Acts(person.look, 1, Killed(), after=True)))
    made = person.account.listed()

    class Later(Account):
        def listed(self) -> tuple[AccessKey, ...]:
            old, new = replace(made[0]), AccessKey("AKIACONSOLE", True, NOW + timedelta(days=1), None, "")
            return (old, new)

    before = dict(person.account.secrets)
    person.account = Later(dict(before), dict(person.account.active))
    record, told = recover(person.record(), person.parts(Acts(lambda: None)))
    assert told
    assert (record.id, record.rotation, person.account.secrets) == (OLD, None, before)


@pytest.mark.parametrize(
    ("created", "days", "words"),
    [(NOW, 90, ""), (NOW, 91, "is 91 days old"), (None, 91, "is at least 91 days old")],
)
def test_an_old_key_is_told_by_what_is_written_down(
    person: Person, created: datetime | None, days: int, words: str
) -> None:
    told = remark(replace(person.record(), created=created), NOW + timedelta(days=days))
    assert words in told
    assert bool(told) is bool(words)


def test_a_new_key_grows_old_too_while_the_old_one_waits(person: Person) -> None:
    record = rotate(person.record(), person.parts(Acts(person.look)))
    for days, told in ((90, False), (91, True)):
        words = remark(replace(record, created=NOW), NOW + timedelta(days=days))
        assert re.search(rf" {OLD} \w+ \w+ {days} days ", text_of(words))
        assert (f"{record.id}) is 91 days old" in words) is told


def test_records_are_private_and_a_damaged_one_is_told(person: Person) -> None:
    (path,) = person.records.folder.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert person.records.all() == (person.record(),)
    path.write_text('{"project": "bb"}')
    with pytest.raises(OnboardError, match="damaged record"):
        person.records.all()


def test_aws_is_asked_about_a_kept_new_key_in_the_background(new_user: NewUserAws) -> None:
    key, environment = user_key(new_user), new_user.environment
    store = FileStore(profile_paths(environment.home, "bb"), BASE, "us-east-1", environment.now, "file")
    store.keep(Credentials(key["AccessKeyId"], Secret(key["SecretAccessKey"])), None)
    records = KeyRecords(environment.key_records_folder)
    record = KeyRecord(
        "bb", BASE, key["AccessKeyId"], store.kind, "jane.doe", SECURITY, "us-east-1", environment.now()
    )
    records.put(record)
    context = new_user.context({"rotated": {"project": "bb", "profile": BASE, "id": record.id}})
    assert inquire(context) == AGREES
    new_user.aws.administrator("iam").update_access_key(
        UserName="jane.doe", AccessKeyId=record.id, Status="Inactive"
    )
    assert inquire(context).verdict is Verdict.GONE
    records.put(replace(record, id=OLD))
    assert inquire(context) == NOT_ASKED
    assert observe(context).verdict is Verdict.CHANGED
