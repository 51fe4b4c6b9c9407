"""Every command that writes, killed at each of its acts; and with a disk that takes nothing from there on.

The same command then does its work as if nothing had been. A commit tries a few acts of some commands, `make
kill-test` every act of all.
"""

from __future__ import annotations

import configparser
import errno
import itertools
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore import auth
from support.killing import At, Failing, Killed, Life, live, orphans_here
from support.leak_hunt import LeakHunt
from support.own_machine import Terminal, own_machine
from support.pgp import GpgHome, gpg_home
from support.repository import TESTS
from support.served_aws import BASE, NewUserAws, served, user_key

from tui.cli import asking
from tui.cli.arguments import DONE, REFUSED
from tui.cli.main import main
from tui.host import Machine
from workflows.core.sentences import as_error
from workflows.messages.request import open_request
from workflows.sandbox.project import lay_out
from workflows.stores import system_keyring

pytestmark = pytest.mark.e2e

KEY = TESTS / "support" / "keys" / "jane.doe.asc"
LAYER = "security/global/base-identities"
FOREIGN = "# mine\n[profile mine]\nregion = eu-west-1\n"
PROFILE = ("--project", "bb", "--profile", BASE)
ERRORS = {"full": errno.ENOSPC, "read-only": errno.EROFS, "denied": errno.EACCES}


@dataclass(frozen=True)
class Place:
    """Where a command runs.

    Attributes:
        folder: all of its world.
        working_folder: where it is started.
        machine: the person's own, if it is not that of the process.
        signed: the moment that its requests to AWS bear, if not now.
        answers: to what the command asks at the terminal, in order.
        gnupg_home: the person's, if it is not the usual one.
    """

    folder: Path
    working_folder: Path
    machine: Machine | None = None
    signed: datetime | None = None
    answers: tuple[str, ...] = ()
    gnupg_home: Path | None = None

    def run(self, words: tuple[str, ...]) -> int:
        """Run a command here, for the rest of this process."""
        for name, place in (("HOME", "."), ("XDG_STATE_HOME", "state"), ("XDG_DATA_HOME", "data")):
            os.environ[name] = str(self.folder / place)
        if self.gnupg_home:
            os.environ["GNUPGHOME"] = str(self.gnupg_home)
        tempfile.tempdir = str(self.folder / "tmp")
        os.chdir(self.working_folder)
        if machine := self.machine:
            Machine.this = staticmethod(lambda: machine)  # type: ignore[method-assign, assignment]
            auth.get_current_datetime = lambda **_: self.signed
            system_keyring.system_keyrings = lambda: ()
        if self.answers:
            terminal = Terminal()
            terminal.answers = [*self.answers]
            for name in ("ask", "ask_secret", "ask_code"):
                setattr(asking, name, getattr(terminal, name))
            asking.has_terminal = terminal.is_there  # type: ignore[assignment]
        return main([word.format(folder=self.folder) for word in words])


def always(moment: datetime) -> datetime:
    """A clock that stands."""
    return moment


class World:
    """What a command works on, in a folder of its own.

    Attributes:
        folder: all of it.
        secrets: what is known that nothing but a store may hold.
        stores: the files and folders that may hold secrets.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tmp").mkdir()
        self.secrets: list[str] = []
        self.stores: list[Path] = []

    def place(self) -> Place:
        """Where its commands run."""
        return Place(self.folder, self.folder)

    def run(self, words: tuple[str, ...], at: At | None = None) -> Life:
        """Run a command in a process of its own."""
        life = live(partial(self.place().run, words), at)
        assert "Traceback" not in life.said, life.said
        return life

    def check(self) -> None:
        """What holds at any moment."""
        leaks = LeakHunt().leaks(self.secrets, self.folder, but=self.stores)
        assert leaks == []

    def standing(self) -> object:
        """What the commands of its kind change, for a comparison with another world."""
        return None

    def check_end(self) -> None:
        """What holds once the command has done its work."""
        assert list((self.folder / "tmp").glob("io.*")) == []


class LayerWorld(World):
    """The sandbox's project."""

    def __init__(self, folder: Path, *before: tuple[str, ...]) -> None:
        super().__init__(folder)
        self.root = folder / "project"
        lay_out(self.root)
        for words in before:
            assert self.run(words).code == DONE
        self.before = self.contents()
        self.after: dict[str, bytes] | None = None

    def place(self) -> Place:
        return Place(self.folder, self.root)

    def contents(self) -> dict[str, bytes]:
        files = (path for path in self.root.rglob("*") if path.is_file())
        return {str(path.relative_to(self.root)): path.read_bytes() for path in files}

    def check(self) -> None:
        """Each file is as before or as after; what lies beside them is no file of Terraform's."""
        super().check()
        assert self.after is not None
        now = self.contents()
        own = {name for name in now if Path(name).name.startswith(".") and name.endswith(".tmp")}
        for name in {*self.before, *self.after, *now} - own:
            assert now.get(name) in (self.before.get(name), self.after.get(name)), name

    def standing(self) -> object:
        return self.contents()

    def check_end(self) -> None:
        super().check_end()
        assert self.contents() == self.after
        state = self.folder / "state" / "iam-onboard"
        assert [path for path in state.rglob("*") if path.is_file()] == []


class KeyWorld(World):
    """A user of a strict AWS with a PGP key, an access key in a downloaded file, and a profile by hand."""

    def __init__(self, folder: Path, stack: ExitStack, gpg: GpgHome, *before: tuple[str, ...]) -> None:
        super().__init__(folder)
        self.aws: NewUserAws = stack.enter_context(served(folder))
        self.gpg = gpg
        self.key = user_key(self.aws)
        _, self.seed = self.aws.aws.device()
        self.csv = self.aws.csv(self.key)
        self.config = self.aws.environment.home / ".aws" / "bb" / "config"
        self.config.parent.mkdir(parents=True)
        self.config.write_text(FOREIGN)
        lay_out(folder / "checkout")
        self.secrets = [self.key["SecretAccessKey"]]
        self.stores = [self.csv, self.config.parent]
        for words in before:
            assert self.run(words).code == DONE

    def place(self) -> Place:
        here = own_machine(self.aws)
        variables = {**here.environment, "GNUPGHOME": str(self.gpg.path)}
        machine = here._replace(environment=variables, now=partial(always, here.now()))
        signed = auth.get_current_datetime()
        return Place(self.folder, self.folder, machine, signed, (self.aws.code(self.seed, 1),))

    def run(self, words: tuple[str, ...], at: At | None = None) -> Life:
        self.aws.aws.ahead += 30
        with self.aws.aws.later(0):
            return super().run(words, at)

    def check(self) -> None:
        super().check()
        parser = configparser.ConfigParser()
        parser.read_string(self.config.read_text())
        assert self.config.read_text().startswith(FOREIGN)
        credentials = self.config.with_name("credentials")
        if credentials.exists():
            parser.read_string(credentials.read_text())
        for path in self.config.parent.iterdir():
            assert path.stat().st_mode & 0o077 == 0 or path == self.config, path

    def standing(self) -> object:
        """Each key at AWS: whether it is the first, active, and kept here; and how far a rotation is."""
        iam = self.aws.aws.administrator("iam")
        keys = iam.list_access_keys(UserName="jane.doe")["AccessKeyMetadata"]
        listed = self.run(("access-key", "list", "--json"))
        kept = {row["id"]: (row["kept"], row["rotation"]) for row in json.loads(listed.said)}
        first = self.key["AccessKeyId"]
        return {(key["AccessKeyId"] == first, key["Status"], kept.get(key["AccessKeyId"])) for key in keys}

    def check_end(self) -> None:
        """What is kept works, and is nowhere else."""
        super().check_end()
        kept = self.run(("credential-process", *PROFILE))
        if kept.code == DONE:
            found = json.loads(kept.said)
            self.secrets.append(found["SecretAccessKey"])
            self.stores = [self.csv]
        else:
            parser = configparser.ConfigParser()
            parser.read(self.config.with_name("credentials"))
            found = {"AccessKeyId": parser[BASE]["aws_access_key_id"]}
        states = self.aws.aws.administrator("iam").list_access_keys(UserName="jane.doe")["AccessKeyMetadata"]
        assert {key["AccessKeyId"]: key["Status"] for key in states}[found["AccessKeyId"]] == "Active"
        self.check()


class PgpWorld(World):
    """Somebody who makes a PGP key."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        super().__init__(folder)
        self.gpg = stack.enter_context(gpg_home())
        self.secrets = [PASSPHRASE]

    def place(self) -> Place:
        return Place(self.folder, self.folder, answers=(PASSPHRASE, PASSPHRASE), gnupg_home=self.gpg.path)

    def run(self, words: tuple[str, ...], at: At | None = None) -> Life:
        life = super().run(words, at)
        if life.code == DONE:
            sent, keys = open_request(life.said), self.gpg.run("--list-secret-keys", "--with-colons")
            assert sent.fingerprint.encode() in keys
            secret = b"sent to her"
            to_her = ("--recipient", sent.fingerprint, "--encrypt")
            read = self.gpg.run("--decrypt", stdin=self.gpg.run(*to_her, stdin=secret), passphrase=PASSPHRASE)
            assert read == secret
        return life


ADD = ("layer", "add", LAYER, "jane.doe", "--key", str(KEY), "--group", "devops")
LAYER_COMMANDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "layer add": (ADD,),
    "layer remove": (("layer", "remove", LAYER, "alex.kim"),),
    "layer groups": (ADD, ("layer", "groups", LAYER, "jane.doe", "--add", "auditors", "--remove", "devops")),
    "layer account": (("layer", "account", LAYER, "--policy", "minimum_password_length=20"),),
    "layer accounts": (("layer", "accounts", "--add", "data", "--email", "aws+data@a.example"),),
}
"""The command that is killed comes last."""

CSV = "{folder}/person/Downloads/jane.doe_accessKeys.csv"
IN_FILE = ("access-key", "import", CSV, *PROFILE, "--credentials-file", "--delete")
IN_VAULT = ("access-key", "import", CSV, *PROFILE, "--pgp-file", "--delete")
ROTATE = ("access-key", "rotate", *PROFILE)
PROFILES = (
    *("profiles", "write", "{folder}/checkout", "--as", "security", "--mfa-serial", "", "--access-keys"),
    *(CSV, "--credentials-file"),
)
KEY_COMMANDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "access-key import": (IN_VAULT,),
    "access-key import, in plain text": (IN_FILE,),
    "access-key create": (IN_VAULT, ("access-key", "create", *PROFILE)),
    "access-key rotate": (IN_VAULT, ROTATE),
    "access-key rotate, in plain text": (IN_FILE, ROTATE),
    "access-key rotate --finish": (IN_VAULT, ROTATE, (*ROTATE, "--finish")),
    "profiles write": (PROFILES,),
    "profiles write, changed": (PROFILES, (*PROFILES[:7], "--region", "eu-west-1")),
}
PASSPHRASE = "correct horse battery staple"
PGP_COMMANDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "pgp request --new": (
        (
            *("pgp", "request", "--new", "--project", "bb", "--user", "jane.doe"),
            *("--name", "Jane Doe", "--mail", "jane@a.example"),
        ),
    ),
}
COMMANDS = {**LAYER_COMMANDS, **KEY_COMMANDS, **PGP_COMMANDS}


@pytest.fixture(scope="module")
def gpg() -> Iterator[GpgHome]:
    with gpg_home() as made:
        made.key("jane.doe")
        yield made


class Tried:
    """A command, and worlds to try it in."""

    def __init__(self, name: str, gpg: GpgHome, stack: ExitStack) -> None:
        self._name = name
        *self._before, self.words = COMMANDS[name]
        self._gpg, self._stack = gpg, stack
        world = self.world()
        self.life = world.run(self.words)
        assert self.life.code == DONE, self.life.said
        self.standing = world.standing()

    def world(self) -> World:
        self._stack.close()
        folder = Path(tempfile.mkdtemp(prefix="io-", dir="/tmp"))  # short, as gpg's sockets want it
        self._stack.callback(shutil.rmtree, folder)
        if self._name in PGP_COMMANDS:
            return PgpWorld(folder, self._stack)
        if self._name in KEY_COMMANDS:
            return KeyWorld(folder, self._stack, self._gpg, *self._before)
        world = LayerWorld(folder, *self._before)
        world.after = getattr(self, "standing", None)
        return world

    def numbers(self, every: bool) -> Iterator[int]:
        """The acts that are tried: all, or some that lie apart."""
        count = len(self.life.acts)
        return itertools.count(1) if every else iter(sorted({1 + count // 3, 1 + count // 2, count - 1}))


@pytest.fixture
def tried(request: pytest.FixtureRequest, gpg: GpgHome) -> Iterator[Callable[[str], Tried]]:
    with ExitStack() as stack:
        yield lambda name: Tried(name, gpg, stack)


def some_and_every(*some: str) -> list[Any]:
    """Each command with whether every act is tried; for a commit some acts of some commands."""
    every = [pytest.param(name, True, id=f"{name}, every", marks=pytest.mark.kill) for name in COMMANDS]
    return [*(pytest.param(name, False, id=f"{name}, some") for name in some), *every]


@pytest.mark.parametrize(("name", "every"), some_and_every("layer add", "access-key rotate"))
def test_a_command_that_was_killed_is_done_by_the_same_command(
    name: str, every: bool, tried: Callable[[str], Tried]
) -> None:
    command, started, kills = tried(name), time.monotonic(), 0
    with orphans_here() as orphans:
        for number in command.numbers(every):
            world = command.world()
            life = world.run(command.words, Killed(number))
            if not life.killed:
                assert (every, life.code) == (True, DONE), life.said
                break
            kills += 1
            try:
                assert orphans() == []
                world.check()
                again = world.run(command.words)
                assert again.code == DONE or world.standing() == command.standing, again.said
                world.check_end()
            except AssertionError as error:
                raise AssertionError(f"killed at {number}, {life.acts[-1]}: {error}") from error
    assert kills >= 3
    print(f"{name}: {kills} kills in {time.monotonic() - started:.0f} s")


@pytest.mark.parametrize("error", [pytest.param(number, id=name) for name, number in ERRORS.items()])
@pytest.mark.parametrize(("name", "every"), some_and_every("layer remove"))
def test_a_disk_that_takes_nothing_from_any_act_on_is_told_and_the_same_command_is_done_later(
    name: str, every: bool, error: int, tried: Callable[[str], Tried]
) -> None:
    command, failures = tried(name), 0
    for number in command.numbers(every):
        world = command.world()
        life = world.run(command.words, Failing(number, error))
        if life.code == DONE:
            assert every or failures
            break
        failures += 1
        try:
            assert life.code == REFUSED, life.said
            assert as_error(ValueError()).title not in life.said, life.said
            world.check()
            again = world.run(command.words)
            assert again.code == DONE or world.standing() == command.standing, again.said
            world.check_end()
        except AssertionError as problem:
            raise AssertionError(f"failed from {number} on, {life.acts[-1]}: {problem}") from problem
    assert failures
    print(f"{name}: {failures} failures of the disk")
