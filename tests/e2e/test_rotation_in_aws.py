"""A rotation over real requests, broken at each of its acts: at no point is there no working key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from support.served_aws import BASE, NewUserAws, served, user_key
from support.watched_acts import Acts, Killed, Watched

from workflows.aws import sts
from workflows.core.secret import Credentials, Secret
from workflows.core.sentences import OnboardError
from workflows.profiles.write import profile_paths
from workflows.steps.rotation.rotate import Parts, finish, recover, rotate
from workflows.steps.shared.own_access_key import KeySession, key_session
from workflows.steps.shared.own_identity import clients_for
from workflows.stores.key_records import KeyRecord, KeyRecords, Phase
from workflows.stores.key_store import FileStore, KeyStore

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("quick_disk")]

# What is done, in order, and which key is kept once the next start has settled it: after the act failed
# before it was done, and after the process was killed right after it was done.
TABLE = (
    ("look which keys there are", "listed", "old", "old"),
    ("make the new key", "create", "old", "old"),
    ("prove it", "prove", "old", "old"),
    ("read the old one", "load", "old", "old"),
    ("put the old one aside", "put_aside", "old", "old"),
    ("keep the new one", "keep", "old", "new"),
    ("read it as whoever uses it gets it", "load", "old", "new"),
    ("prove it once more", "prove", "old", "new"),
    ("look when it was made", "listed", "new", "new"),
    ("deactivate the old one", "set_active", "new", "new"),
)


class NoWait(Event):
    """Nobody stops it, and no pause between two requests is needed here."""

    def wait(self, timeout: float | None = None) -> bool:
        del timeout
        return self.is_set()


@pytest.fixture
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """That it outlives a power cut is tested where files are written."""
    monkeypatch.setattr("os.fsync", lambda _descriptor: None)


@dataclass
class Person:
    """Somebody with an MFA session, whose key is kept in the project's files."""

    made: NewUserAws
    session: KeySession
    store: KeyStore
    records: KeyRecords
    clients: dict[str, Any] = field(default_factory=dict)

    def record(self) -> KeyRecord:
        found = self.records.get("bb", BASE)
        assert found is not None
        return found

    def look(self) -> None:
        """AWS answers to the key that is kept at this moment."""
        kept = self.store.load()
        assert kept is not None, "no key is kept"
        if kept.access_key_id not in self.clients:
            client = clients_for(self.made.environment, "us-east-1").client("sts", kept)
            self.clients[kept.access_key_id] = client.__enter__()
        assert sts.caller_identity(self.clients[kept.access_key_id]).user_name == "jane.doe"

    def parts(self, acts: Acts) -> Parts:
        return Parts(
            Watched(self.session, acts),
            Watched(self.store, acts),
            self.records.put,
        )

    def states(self) -> dict[str, bool]:
        return {key.access_key_id: key.active for key in self.session.listed()}


@contextmanager
def person(made: NewUserAws) -> Iterator[Person]:
    key = user_key(made)
    _, seed = made.aws.device()
    environment = made.environment
    ticks = iter(range(100_000))
    paths = profile_paths(environment.home, "bb")
    store = FileStore(
        paths, BASE, "us-east-1", lambda: environment.now() + timedelta(seconds=next(ticks)), "the file"
    )
    old = Credentials(key["AccessKeyId"], Secret(key["SecretAccessKey"]))
    store.keep(old, None)
    records = KeyRecords(environment.key_records_folder)
    records.put(
        KeyRecord(
            "bb",
            BASE,
            old.access_key_id,
            store.kind,
            "jane.doe",
            "222222222222",
            "us-east-1",
            environment.now(),
        )
    )
    clients = clients_for(environment, "us-east-1")
    with key_session(old, made.code(seed, 1), clients, environment, Event()) as session:
        person = Person(made, replace(session, cancelled=NoWait()), store, records)
        try:
            yield person
        finally:
            for client in person.clients.values():
                client.close()


@pytest.fixture
def jane(tmp_path: Path) -> Iterator[Person]:
    with served(tmp_path) as made, person(made) as one:
        yield one


def test_at_no_point_is_there_no_working_key(jane: Person) -> None:
    broken = [(number, *row) for number, row in enumerate(TABLE)]
    for number, words, name, if_failed, if_killed in broken:
        for after, failure, expected in (
            (False, OnboardError("It broke", "It broke."), if_failed),
            (True, Killed(), if_killed),
        ):
            before = jane.record().id
            acts = Acts(jane.look, number, failure, after)
            with pytest.raises((OnboardError, Killed)):
                rotate(jane.record(), jane.parts(acts))
            assert acts.names[number] == name
            jane.look()
            recover(jane.record(), jane.parts(Acts(jane.look)))
            settled(jane, before, expected, f"{'killed after' if after else 'failed'}: {words}")


def settled(jane: Person, before: str, expected: str, words: str) -> None:
    """One working key, or the new one and the old one at rest; then the old one goes, for the next round."""
    record = jane.record()
    assert ("old" if record.id == before else "new") == expected, words
    jane.look()
    if record.rotation is not None:
        assert record.rotation.phase is Phase.WAITING, words
        assert jane.states() == {before: False, record.id: True}, words
        finish(record, jane.parts(Acts(jane.look)))
    assert jane.states() == {jane.record().id: True}, words
    jane.look()


def test_the_acts_of_the_table_are_all_there_are(jane: Person) -> None:
    acts = Acts(jane.look)
    rotate(jane.record(), jane.parts(acts))
    assert acts.names == [name for _, name, _, _ in TABLE]
