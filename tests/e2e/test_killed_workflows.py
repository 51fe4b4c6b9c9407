"""Both workflows over the sandbox, killed at every place where they write or start something, and finished.

A life of the wizard resumes the session and goes on until it comes to an act that no life was killed at: of
another kind, on another file, in another step, or the second or third of them there. It ends before that act;
the next life does it. So each act is one that a life ended before, and the one after it one that a life ended
after. Layers and accounts are alike: the second one is walked over the acts that the first one was killed at.
"""

from __future__ import annotations

import asyncio
import errno
import os
import tempfile
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pyotp
import pytest
from botocore import auth
from support.browser_visit import STEP_SECONDS, BrowserVisit, Phone
from support.fakes import FakeBrowser
from support.killing import FailingAnew, KilledAnew, Life, live, orphans_here
from support.leak_hunt import LeakHunt
from support.pgp import gpg_home
from support.sandbox import advance_clock, sandbox_cache, seconds_ahead
from support.walker import Walker, WatchedEnvironments, wizard
from textual.css.query import NoMatches
from textual.widgets import Input, OptionList

from screens.admin.groups import GroupsPane, Matrix
from screens.step.page import StepPane, is_displayed
from screens.widgets.checklist import Checklist
from screens.widgets.dialogs import Confirm, ErrorDialog, Notice
from screens.widgets.fields import Choices
from tui.app.application import Start
from tui.cli.arguments import DONE, REFUSED
from tui.cli.main import main
from tui.host import Machine, Places, utc_now
from tui.session_catalogue import SessionCatalogue
from workflows.aws.clients import ClientFactory, ProfileFiles
from workflows.core.secret import Secret
from workflows.core.sentences import as_error
from workflows.desktop.browser import SandboxBrowser
from workflows.gpg.decrypt import clean_ciphertext, decrypt
from workflows.machine.events import Event
from workflows.machine.journal import read_journal
from workflows.messages.handoff import open_handoff
from workflows.sandbox.sandbox import PROFILES, Sandbox, ServerProcess, delete_sandbox
from workflows.stores.key_records import KeyRecords

__all__ = ["sandbox_cache"]
pytestmark = [pytest.mark.e2e, pytest.mark.kill]

USER = "jane.doe"
PASSPHRASE = "canary passphrase 7c1f"
GROUPS = {"management": "admins", "security": "devops"}
MOST_LIVES = 900
SECONDS = 60.0
"""A life that waits so long for something is stuck."""
PATIENCE, SHORT = 240.0, 6.0
"""So long Next is pressed on one page, with Terraform, and where the disk refuses."""


class Stuck(Exception):  # noqa: N818 - a state of the wizard
    """A page that Next does not lead away from; the message is what it shows."""


WITH_A_CODE = {"verify", "rotation", "retirement"}
"""Steps that take an MFA code, which is good once: AWS's time has to go on from life to life.

It stays the real one for all others: Terraform's requests bear that, and AWS refuses them 15 minutes later.
"""

Steps = Mapping[str, Callable[[Walker, str], Awaitable[None]]]
"""What a person does in each step, given its item."""


@dataclass(frozen=True)
class Wanted:
    """What a life of the wizard is for.

    Attributes:
        seconds: how long it may wait for one thing.
        patience: how long it may stay on a page, in seconds.
        ahead: how many seconds AWS is ahead; the requests bear its time.
    """

    machine: Machine
    sandbox: Path
    start: Start
    steps: Steps
    seconds: float
    patience: float
    ahead: float


def clock(ahead: float, **_zone: object) -> datetime:
    """The time that requests bear, so many seconds ahead."""
    return datetime.now(UTC) + timedelta(seconds=ahead)


def lived(wanted: Wanted, at: KilledAnew) -> int:
    """A life, in a process of its own."""
    opened = WatchedEnvironments.open

    def opening(source: WatchedEnvironments, report: object) -> None:
        opened(source, report)  # type: ignore[arg-type]
        at.stage = "opening"

    async def walk() -> None:
        async with wizard(wanted.machine, wanted.sandbox, wanted.start) as walker:
            try:
                async with asyncio.timeout(20 * wanted.patience):
                    await walker.until(lambda: walker.opened, "the wizard")
                    await each_step(walker, at, wanted.steps, wanted.patience)
                    at.stage = "closing"
                    await walker.quit()
            except TimeoutError as error:
                raise AssertionError(f"a life without an end:\n{walker.text()}") from error

    auth.get_current_datetime = partial(clock, wanted.ahead)
    ServerProcess.leave = lambda server, **_: server._owner.release()  # type: ignore[method-assign]
    WatchedEnvironments.open = opening  # type: ignore[method-assign, assignment]
    Walker.until.__defaults__ = (wanted.seconds,)
    try:
        asyncio.run(walk())
    except (Stuck, TypeError, AssertionError) as told:  # the walker's word for a failure that is shown
        print(f"{told}\n{traceback.extract_tb(told.__traceback__)[-1]}")
        return REFUSED
    return DONE


class World:
    """The sandbox and its two people; its server outlives every wizard."""

    def __init__(self, folder: Path, cache: Path, home: Path) -> None:
        places = Places(*(folder / name for name in ("sessions", "sandboxes", "vault")), cache)
        self.machine = Machine(places, home, home / "Downloads", folder, dict(os.environ), utc_now)
        self.folder = places.sandboxes / "killed"
        self.sandbox = Sandbox.create(self.folder, cache=cache, environment=os.environ)
        self.sessions = self.folder.with_name(self.folder.name + ".sessions")
        self.confirmed: dict[Path, tuple[Event, ...]] = {}
        self.layers: list[dict[str, bytes]] = [self.contents()]
        self.seconds = SECONDS
        self.secrets: list[str | bytes] = [PASSPHRASE]
        self.files_of_secrets: list[Path] = []

    def contents(self) -> dict[str, bytes]:
        """What Review may write: the layers' files and the public keys."""
        root = self.sandbox.project_root
        files = [*root.glob("*/global/base-identities/*.tf"), *root.glob("*/global/base-identities/keys/*")]
        return {
            str(path.relative_to(root)): path.read_bytes() for path in files if not path.name.startswith(".")
        }

    def life(self, workflow: str, steps: Steps, at: KilledAnew, patience: float = PATIENCE) -> Life:
        """One life of the wizard, up to its end or the end of the workflow."""
        own = SessionCatalogue(self.machine).sessions_of(self.folder).summaries()
        latest = next((session.id for session in own if session.workflow == workflow), "")
        start = Start(session=latest) if latest else Start(workflow=workflow)
        ahead = seconds_ahead(self.sandbox)
        wanted = Wanted(self.machine, self.folder, start, steps, self.seconds, patience, ahead)
        return live(partial(lived, wanted, at), at)

    def check(self) -> None:
        """Nothing that was confirmed is lost, and every journal can be read."""
        for journal in self.sessions.glob("*/journal.jsonl"):
            events = read_journal(journal).events
            before = self.confirmed.get(journal, ())
            assert events[: len(before)] == before, journal
            self.confirmed[journal] = events
        assert all(journal.exists() for journal in self.confirmed)
        self.layers.append(self.contents())
        known = [self.folder / "aws", *self.files_of_secrets]
        leaks = LeakHunt().leaks(self.secrets, self.folder, self.sessions, but=known)
        assert leaks == []

    def check_layers(self, before: Mapping[str, bytes]) -> None:
        """Each file was at each moment as it was before or as it is now; what is half written is finished."""
        after = self.contents()
        for seen in self.layers:
            for name in {*before, *after, *seen}:
                assert seen.get(name) in (before.get(name), after.get(name)), name


async def each_step(walker: Walker, at: KilledAnew, steps: Steps, patience: float) -> None:
    """Do whatever step the wizard is at, until none is left of those that are known here."""

    def come() -> bool:
        if isinstance(walker.app.screen, Notice):
            return True
        wizard = walker.wizard
        return wizard.current is None or (
            wizard.pane is not None and wizard.pane.opened and not wizard.pane.running_move
        )

    while True:
        await walker.until(come, "a step")
        await walker.pilot.pause()
        if isinstance(walker.app.screen, ErrorDialog):
            raise Stuck(walker.text())
        if isinstance(walker.app.screen, Notice):
            await walker.pilot.press("enter")
            continue
        key = walker.wizard.current
        if key is None or key.step not in steps:
            return
        at.stage = key.step
        await onward(walker, walker.pane, partial(steps[key.step], walker, key.item), patience)


async def onward(
    walker: Walker, pane: StepPane, fill: Callable[[], Awaitable[None]], patience: float
) -> None:
    """Fill the page in and press Next, and say yes where it asks, until another page is shown."""
    end = time.monotonic() + patience
    while walker.wizard.current is not None and walker.wizard.pane is pane:
        if isinstance(walker.app.screen, Confirm):
            await walker.confirm()
        elif walker.app.screen is walker.wizard and pane.opened and not pane.running_move:
            try:
                await fill()
                await walker.next()
            except NoMatches:  # the Next before led on meanwhile
                if walker.wizard.pane is pane:
                    raise
        if time.monotonic() > end or isinstance(walker.app.screen, ErrorDialog):
            raise Stuck(walker.text())
        await asyncio.sleep(0.2)


async def nothing(_walker: Walker, _item: str) -> None:
    """Next is all."""


async def say_own_name(walker: Walker, _item: str) -> None:
    await walker.fill("#project", "bb")
    await walker.fill("#user", USER)


async def say_who(walker: Walker, _item: str) -> None:
    for field, text in (("#path", str(walker.sandbox.project_root)), ("#joining", USER)):
        if walker.pane.query_one(field, Input).value != text:
            await walker.fill(field, text)


async def say_it_is_the_same(walker: Walker, _item: str) -> None:
    """Next reads the request, and opens the comparison; there it has to be answered."""
    if walker.pane.inside and walker.pane.query_one("#same", Choices).value != "same":
        await walker.choose("#same", "same")
        await walker.pilot.press("space")


async def press(walker: Walker, *keys: str) -> None:
    """Keys of a page; a failure that is shown takes them, and ends the walk."""
    if isinstance(walker.app.screen, ErrorDialog):
        raise Stuck(walker.text())
    await walker.pilot.press(*keys)


async def put_into_groups(walker: Walker, _item: str) -> None:
    matrix = walker.pane.query_one(Matrix)
    for account, group in GROUPS.items():
        while matrix.layout_shown.view.account != account:
            await press(walker, "l")
        await press(walker, "home", "ctrl+home")
        while matrix.group != group:
            await press(walker, "right")
        pane = walker.pane
        assert isinstance(pane, GroupsPane)
        if group not in pane.choice.members.get(USER, frozenset()):
            await walker.pilot.press("space")


async def hand_over(walker: Walker, _item: str) -> None:
    await walker.next()
    await walker.rest()


ADMIN = {
    "project": say_who,
    "pgp-keys": say_it_is_the_same,
    "users": nothing,
    "groups": put_into_groups,
    "review": nothing,
    "plan": nothing,
    "apply": nothing,
    "hand-over": hand_over,
}


async def make_key(walker: Walker, _item: str) -> None:
    keys = walker.pane.query_one("#keys", OptionList)
    made = [option.id for option in keys.options if option.id != "new"]
    await walker.choose("#keys", made[0] if made and made[0] else "new")
    if made:
        return
    await walker.fill("#name", "Jane Doe")
    await walker.fill("#email", "jane.doe@company.example")
    await walker.fill("#passphrase", PASSPHRASE)
    await walker.fill("#again", PASSPHRASE)


BEFORE_THE_HANDOFF = {"before-you-start": say_own_name, "pgp-key": make_key}


@pytest.fixture
def world(tmp_path: Path, sandbox_cache: Path, own_home: Path) -> Iterator[World]:
    made = World(tmp_path, sandbox_cache, own_home)
    try:
        yield made
    finally:
        made.sandbox.close()
        delete_sandbox(made.folder)


class Unharmed(KilledAnew):
    """Lets the wizard live."""

    def meet(self, _act: str) -> None: ...


def through(world: World, workflow: str, steps: Steps) -> None:
    """Walk a workflow in one life."""
    life = world.life(workflow, steps, Unharmed(set()))
    assert life.code == DONE, life.said


def killed_everywhere(world: World, workflow: str, steps: Steps) -> None:
    """Walk a workflow in as many lives as it has places to kill it."""
    known: set[str] = set()
    started = time.monotonic()
    with orphans_here() as orphans:
        for _ in range(MOST_LIVES):
            life = world.life(workflow, steps, KilledAnew(known))
            if not life.killed:
                break
            known.add(life.place)
            assert "Traceback" not in life.said, life.said
            assert orphans() == []
            world.check()
            if steps.keys() & WITH_A_CODE:
                advance_clock(world.sandbox, STEP_SECONDS)
    assert life.code == DONE, life.said
    print(f"{workflow}: {len(known)} kills in {time.monotonic() - started:.0f} s")


def test_a_new_user_who_is_killed_everywhere_sends_a_request(world: World) -> None:
    killed_everywhere(world, "new-user", BEFORE_THE_HANDOFF)
    assert list(world.sandbox.mailbox.iterdir())


def test_an_admin_who_is_killed_everywhere_brings_somebody_in(world: World) -> None:
    through(world, "new-user", BEFORE_THE_HANDOFF)
    before = world.contents()
    killed_everywhere(world, "admin", ADMIN)
    assert before != world.contents()
    world.check_layers(before)


BEFORE_TERRAFORM = {name: ADMIN[name] for name in ("project", "pgp-keys", "users", "groups", "review")}


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS], ids=["full", "read-only"])
def test_an_admin_whose_disk_takes_nothing_from_any_place_on_is_told_and_goes_on_later(
    world: World, error: int
) -> None:
    through(world, "new-user", BEFORE_THE_HANDOFF)
    before, world.seconds = world.contents(), SHORT
    known: set[str] = set()
    for _ in range(MOST_LIVES):
        life = world.life("admin", BEFORE_TERRAFORM, FailingAnew(known, error), world.seconds)
        if not life.place and (life.code == DONE or world.seconds > SECONDS):
            break
        if not life.place:  # the disk took everything, so the machine is slow
            world.seconds *= 2
            continue
        known.add(life.place)
        assert life.code in (DONE, REFUSED), f"{life.place}: {life.said}"
        assert as_error(ValueError()).title not in life.said, f"{life.place}: {life.said}"
        world.check()
    assert life.code == DONE, life.said
    print(f"admin: {len(known)} failures of the disk")
    assert before != world.contents()
    world.check_layers(before)


async def unlock_and_sign_in(walker: Walker, _item: str) -> None:
    if is_displayed(walker.pane.query_one("#copy-password")):
        await walker.until(walker.pane.query_one(Checklist).focus_next, "something to do")
        await walker.work_down()
    else:
        await walker.fill("#passphrase", PASSPHRASE)


async def follow_the_list(walker: Walker, _item: str) -> None:
    await walker.work_down()


async def name_the_file(walker: Walker, item: str) -> None:
    """By its path: another account's is there, too. Once it is gone, its key is kept here."""
    if (file := csv_of(walker.sandbox, item)).exists():
        await walker.fill("#path", str(file))
        walker.pane.query_one("#how", Choices).choose("console")


def csv_of(sandbox: Sandbox, account: str) -> Path:
    return sandbox.new_user.downloads / f"{account}.csv"


def code_now(seed: str, sandbox: Sandbox) -> str:
    return pyotp.TOTP(seed).at(time.time() + seconds_ahead(sandbox))


async def type_codes(seeds: Mapping[str, str], walker: Walker, _item: str) -> None:
    for account, seed in seeds.items():
        if walker.pane.query(f"#code-{account}"):
            await walker.fill(f"#code-{account}", code_now(seed, walker.sandbox))


async def replace_the_key(seed: str, walker: Walker, _item: str) -> None:
    for choices in walker.pane.query("#key").results(Choices):
        choices.choose("bb/bb-management")
    if walker.pane.query("#code"):
        await walker.fill("#code", code_now(seed, walker.sandbox))


def in_the_browser(world: World) -> dict[str, str]:
    """What a new user does there, all of it before the wizard asks; gives the seeds of the devices."""
    sandbox, phone, seeds = world.sandbox, Phone(world.sandbox), dict[str, str]()
    browser = SandboxBrowser(sandbox.endpoint_url, sandbox.token, FakeBrowser())
    identities = {
        identity.account_name: identity
        for message in sandbox.mailbox.glob("handoff*")
        for identity in open_handoff(message.read_text()).identities
    }
    assert [*GROUPS] == sorted(identities)
    for account, identity in identities.items():
        one_time = decrypt(
            clean_ciphertext(identity.encrypted_password or ""),
            passphrase=Secret(PASSPHRASE),
            gnupg_home=sandbox.new_user.gnupg_home,
            environment=sandbox.new_user.environment,
        ).reveal()
        own = f"Canary-{account}-Pass-91!"
        with BrowserVisit(browser.mapped(identity.sign_in_url) or "", sandbox.new_user.downloads) as visit:
            visit.sign_in(USER, one_time)
            visit.choose_password(one_time, own)
            visit.register_authenticator(USER, phone)
            visit.sign_in_with_code(USER, own, phone)
            file = visit.download_access_key().rename(csv_of(sandbox, account))
        seeds[account] = phone.seeds()[-1]
        world.secrets += [one_time, own, seeds[account], file.read_text().strip().rpartition(",")[2]]
        world.files_of_secrets.append(file)
    return seeds


def after_the_handoff(world: World) -> tuple[Steps, dict[str, str]]:
    """Bring the new user so far; gives what is left to do in the wizard, and the seeds of the devices."""
    through(world, "new-user", BEFORE_THE_HANDOFF)
    through(world, "admin", ADMIN)
    seeds = in_the_browser(world)
    steps = {
        "handoff": nothing,
        "sign-in": unlock_and_sign_in,
        "mfa": follow_the_list,
        "access-keys": name_the_file,
        "profiles": nothing,
        "verify": partial(type_codes, seeds),
    }
    return steps, seeds


def keys_in_aws(world: World, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The new user's access keys in management, each with its status."""
    monkeypatch.setattr(auth, "get_current_datetime", partial(clock, seconds_ahead(world.sandbox)))
    folder = world.sandbox.administrator.home / ".aws" / "bb"
    files = ProfileFiles(folder / "config", folder / "credentials")
    factory = ClientFactory(world.sandbox.endpoint_url, "us-east-1")
    with factory.profile_client("iam", files, PROFILES["management"]) as iam:
        listed = iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]
        return {key["AccessKeyId"]: key["Status"] for key in listed}


def test_a_rotation_that_is_killed_everywhere_ends_with_one_key_that_works(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, seeds = after_the_handoff(world)
    through(world, "new-user", steps)
    records = KeyRecords(world.sandbox.new_user.home / ".local" / "state" / "iam-onboard" / "access-keys")
    before = records.get("bb", "bb-management")
    assert before is not None
    assert keys_in_aws(world, monkeypatch) == {before.id: "Active"}
    replace = partial(replace_the_key, seeds["management"])
    killed_everywhere(world, "rotation", {"rotation": replace, "retirement": replace})
    after = records.get("bb", "bb-management")
    assert after is not None
    assert after.id != before.id
    assert keys_in_aws(world, monkeypatch) == {after.id: "Active"}


def test_a_new_user_who_is_killed_everywhere_gets_in(world: World) -> None:
    steps, _ = after_the_handoff(world)
    killed_everywhere(world, "new-user", steps)
    assert not any(csv_of(world.sandbox, account).exists() for account in GROUPS)
    profiles = (world.sandbox.new_user.home / ".aws" / "bb" / "config").read_text()
    assert all(f"[profile bb-{account}]" in profiles for account in GROUPS)


def as_administrator(variables: Mapping[str, str], folder: Path, words: tuple[str, ...]) -> int:
    os.environ.clear()
    os.environ.update(variables)
    tempfile.tempdir = os.environ["TMPDIR"]
    os.chdir(folder)
    return main(words)


def test_a_person_gets_in_by_commands_that_are_killed_everywhere(world: World) -> None:
    home = world.sandbox.administrator.home
    plan, handoff = home / "jane.tfplan", home / "handoff.txt"
    with gpg_home() as gpg:
        gpg.key(USER)
        (home / "jane.asc").write_bytes(gpg.export(USER))
    commands = (
        ("layer", "add", "security", USER, "--key", str(home / "jane.asc"), "--group", "devops"),
        ("plan", "security", "--for", USER, "--out", str(plan)),
        ("apply", "security", str(plan), "--yes"),
        ("handoff", "create", "security", USER, "--out", str(handoff)),
    )
    run = partial(as_administrator, dict(world.sandbox.administrator.environment), world.sandbox.project_root)
    started, kills = time.monotonic(), 0
    with orphans_here() as orphans:
        for words in commands:
            known: set[str] = set()
            for _ in range(MOST_LIVES):
                at = KilledAnew(known)
                at.stage = words[0]
                life = live(partial(run, words), at)
                assert "Traceback" not in life.said, life.said
                if not life.killed:
                    break
                known.add(life.place)
                assert orphans() == []
            applied = words[0] == "apply" and not plan.exists()  # the last word may have been missing
            assert life.code == DONE or applied, life.said
            kills += len(known)
    assert open_handoff(handoff.read_text()).identities[0].encrypted_password
    again = live(partial(run, ("plan", "security")))
    assert again.code == DONE, again.said  # what a killed apply left in the layer's own folder goes with it
    assert [*home.rglob("*.tfplan"), *home.glob(".local/state/**/aws/*")] == []
    print(f"plan, apply, handoff create: {kills} kills in {time.monotonic() - started:.0f} s")
