"""MFA and access keys over real requests to a strict AWS: what is denied, spent, over, or was interrupted."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from moto.iam.models import AccessKeyLastUsed, iam_backends
from support.given import Given
from support.leak_hunt import LeakHunt, hunting
from support.panes import PaneHost, new_session, rest, settle
from support.pgp import ENVIRONMENT, GpgHome, gpg_home
from support.repository import TESTS
from support.served_aws import BASE, ITEM, NewUserAws, served, user_key
from support.strict_aws import SECURITY
from textual.widgets import Input, Static

from screens.new_user.access_keys import AccessKeysPane
from screens.new_user.mfa import MfaPane, QrDialog
from screens.widgets.fields import Choices
from tui.host import vault_for
from workflows.aws import iam, sts
from workflows.aws.errors import AwsError, AwsFailure
from workflows.aws.sts import CodeMemory, RepeatedCode, WrongCode
from workflows.core.secret import Credentials, Secret
from workflows.core.sentences import OnboardError, day
from workflows.machine.events import StepKey
from workflows.machine.state import Status
from workflows.steps.new_user import access_keys, mfa
from workflows.steps.new_user.mfa import Pending, Registered
from workflows.steps.shared.own_access_key import (
    CREDENTIALS_FILE as FILE,
    KeyInHand,
    KeyPlace,
    KeySession,
    TwoActiveKeys,
    created_key,
    key_session,
)
from workflows.steps.shared.own_identity import clients_for
from workflows.stores.key_records import Creation, KeyRecords

pytestmark = pytest.mark.e2e

SERIAL = "arn:aws:iam::222222222222:mfa/jane.doe"
LAST_USE = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "iam:GetAccessKeyLastUsed", "Resource": "*"},
    }
)


@pytest.fixture
def new_user(tmp_path: Path) -> Iterator[NewUserAws]:
    with served(tmp_path) as made:
        yield made


@pytest.fixture
def hunt(new_user: NewUserAws) -> Iterator[LeakHunt]:
    with hunting(new_user.folder / "sessions") as begun:
        yield begun


def assert_no_leak(hunt: LeakHunt, new_user: NewUserAws, *secrets: str, but: Path) -> None:
    """Neither the seed nor any key of the user is anywhere but in the file that it came from."""
    keys = iam_backends[SECURITY]["aws"].users["jane.doe"].access_keys
    every = [*secrets, *(key.secret_access_key for key in keys)]
    assert len(every) == len(secrets) + len(new_user.keys())
    hunt.stop()
    roots = (new_user.folder, new_user.environment.home)
    assert hunt.leaks(every, *roots, but=[but]) == []
    assert hunt.leaks(every, *roots), "the hunt finds nothing at all"


def in_hand(key: dict[str, Any]) -> Credentials:
    return Credentials(key["AccessKeyId"], Secret(key["SecretAccessKey"]))


# -- both ways --------------------------------------------------------------------------------------


async def test_with_a_key_in_hand_mfa_and_a_second_key_are_made_from_here(
    new_user: NewUserAws, hunt: LeakHunt
) -> None:
    """The other way, through the console, is walked in `test_the_whole_way`; no secret leaks here either."""
    first = user_key(new_user)
    path = str(new_user.csv(first))
    clients = clients_for(new_user.environment, "us-east-1")
    with clients.client("iam", in_hand(first)) as client, pytest.raises(AwsError) as denied:
        iam.create_access_key(client)
    assert denied.value.failure is AwsFailure.DENIED_EXPLICITLY
    assert "MFA" in denied.value.as_text()

    context = new_user.context()
    modules: list[Any] = [Given(context.facts), mfa, access_keys]
    session = new_session(new_user.folder / "sessions", modules)
    settle(session, StepKey("given"), context.facts)
    panes = {"mfa": MfaPane, "access-keys": AccessKeysPane}
    app = PaneHost(session, new_user.environment, modules, panes, StepKey("mfa", ITEM))
    async with app.run_test(size=(80, 24)) as pilot:
        await rest(pilot)
        app.pane.query_one("#how", Choices).choose("api")
        await rest(pilot)
        app.pane.query_one("#source", Choices).choose("file")
        app.pane.query_one("#path", Input).value = path
        await pilot.press("ctrl+n")
        await rest(pilot)
        dialog = app.screen
        assert isinstance(dialog, QrDialog)
        seed = dialog._seed.reveal()
        await pilot.press("escape")
        await rest(pilot)
        app.pane.query_one("#first-code", Input).value = new_user.code(seed, -1)
        app.pane.query_one("#second-code", Input).value = new_user.code(seed)
        await pilot.pause()
        hunt.keep("a picture of MFA", app.export_screenshot().encode())
        assert str(app.pane.query_one("#check", Static).content).startswith("✓")
        await pilot.press("ctrl+n")
        await rest(pilot)
        made = session.facts(ITEM)["mfa"]
        assert (made["serial"], made["how"]) == (SERIAL, "api")
        hunt.keep("a picture of Access keys", app.export_screenshot().encode())

        app.pane.query_one("#how", Choices).choose("api")
        await pilot.press("ctrl+n", "ctrl+n")
        app.pane.query_one("#path", Input).value = path
        app.pane.query_one("#code", Input).value = new_user.code(seed, 1)
        app.pane.scroll_end(animate=False)
        await pilot.pause()
        assert "the app's next code comes in" in app.text()
        await pilot.press("ctrl+n")
        await rest(pilot)
        assert session.status(StepKey("access-keys", ITEM)) is Status.DONE
        assert session.facts(ITEM)["access_key"]["id"] in set(new_user.keys())
        hunt.keep("a picture of the end", app.export_screenshot().encode())
    assert len(new_user.keys()) == 2
    session.close()
    assert_no_leak(hunt, new_user, seed, but=Path(path))


# -- codes ------------------------------------------------------------------------------------------

MADE_OF: dict[str, tuple[int, int]] = {
    "late": (-4, -3),
    "early": (3, 4),
    "not in a row": (-1, 1),
    "the wrong way round": (0, -1),
}


@pytest.mark.parametrize("steps", MADE_OF.values(), ids=MADE_OF)
def test_codes_that_do_not_enable_a_device(new_user: NewUserAws, steps: tuple[int, int]) -> None:
    """AWS refuses what the wizard's own check tells beforehand; the device then takes good ones."""
    key, context = user_key(new_user), new_user.context()
    pending = begun(new_user, key)
    seed = pending.seed.reveal()
    bad = mfa.Request(mfa.API, None, pending, *(new_user.code(seed, step) for step in steps))
    assert mfa.validate(bad, context)
    with pytest.raises(WrongCode):
        mfa.perform(bad, context, new_user.report)
    with new_user.aws.later(300):
        good = mfa.Request(mfa.API, None, pending, new_user.code(seed, -1), new_user.code(seed))
        assert mfa.validate(good, context) == []
        assert mfa.perform(good, context, new_user.report)["mfa"]["serial"] == SERIAL


@pytest.mark.parametrize("step", [-3, 3], ids=["late", "early"])
def test_a_session_begins_with_a_code_of_now_that_was_not_used(new_user: NewUserAws, step: int) -> None:
    key = in_hand(user_key(new_user))
    _, seed = new_user.aws.device()
    clients = clients_for(new_user.environment, "us-east-1")
    with clients.client("sts", key) as client:
        wrong = f"{(int(new_user.code(seed)) + 1) % 1_000_000:06}"
        for code in (wrong, new_user.code(seed, step), new_user.code(seed)):  # the last enabled the device
            with pytest.raises(WrongCode, match="rejected"):
                sts.session_token(client, SERIAL, code, memory=CodeMemory())
        memory = CodeMemory()
        assert sts.session_token(client, SERIAL, new_user.code(seed, 1), memory=memory).session_token
        with pytest.raises(RepeatedCode):
            sts.session_token(client, SERIAL, new_user.code(seed, 1), memory=memory)


# -- a session that is over -------------------------------------------------------------------------


def test_a_session_that_has_expired_is_told_and_leaves_no_key_unmentioned(new_user: NewUserAws) -> None:
    key = in_hand(user_key(new_user))
    _, seed = new_user.aws.device()
    clients = clients_for(new_user.environment, "us-east-1")
    with key_session(key, new_user.code(seed, 1), clients, new_user.environment, Event()) as session:
        assert len(session.listed()) == 1
        with new_user.aws.later(3700):
            with pytest.raises(AwsError) as over:
                session.listed()
            assert over.value.failure is AwsFailure.EXPIRED
        with pytest.raises(OnboardError) as left:
            _kept_too_late(session, new_user)
    (made,) = set(new_user.keys()) - {key.access_key_id}
    assert made in left.value.what


def _kept_too_late(session: KeySession, new_user: NewUserAws) -> None:
    """The session is over when keeping its new key fails, so that it cannot delete it again."""
    with ExitStack() as clock, created_key(session, new_user.environment, "bb", BASE, "vault"):
        clock.enter_context(new_user.aws.later(3700))
        raise OnboardError("The disk is full", "The key could not be kept.")


# -- two keys already -------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["Active", "Inactive"])
def test_two_keys_already_are_shown_with_age_and_last_use_and_the_one_that_can_go(
    new_user: NewUserAws, state: str
) -> None:
    key = user_key(new_user)
    admin = new_user.aws.administrator("iam")
    admin.put_user_policy(UserName="jane.doe", PolicyName="last-use", PolicyDocument=LAST_USE)
    second = admin.create_access_key(UserName="jane.doe")["AccessKey"]["AccessKeyId"]
    admin.update_access_key(UserName="jane.doe", AccessKeyId=second, Status=state)
    used = datetime.now(UTC) - timedelta(days=12, hours=1)
    of_aws = iam_backends[SECURITY]["aws"].access_keys[second]
    of_aws.last_used = AccessKeyLastUsed(timestamp=used, service="s3", region="us-east-1")
    _, seed = new_user.aws.device()
    request = access_keys.Request(
        "vault", access_keys.API, path=str(new_user.csv(key)), code=new_user.code(seed, 1)
    )
    with pytest.raises(OnboardError) as refused:
        access_keys.perform(request, new_user.context(), new_user.report)
    assert isinstance(refused.value, TwoActiveKeys) is (state == "Active")
    made = f"0 days old (created {day(new_user.environment.now())})"
    assert sorted(refused.value.what.splitlines()[1:]) == sorted(
        [
            f"{key['AccessKeyId']}  active, {made}, last used today (iam)",
            f"{second}  {state.lower()}, {made}, last used 12 days ago (s3)",
        ]
    )
    assert refused.value.next.startswith(f"{second} ")
    assert len(new_user.keys()) == 2
    assert KeyRecords(new_user.environment.key_records_folder).creation("bb", BASE) is None


@pytest.mark.parametrize(
    ("known", "named", "store", "ended"),
    [
        pytest.param(1, "", FILE, "deleted", id="before its id was known"),
        pytest.param(1, "second", FILE, "deleted", id="before it was kept"),
        pytest.param(1, "first", FILE, "finished", id="once it was kept"),
        pytest.param(2, "", FILE, "refused", id="before AWS created it"),
        pytest.param(1, "second", "a.keyring", "refused", id="in a store that nobody can look into now"),
    ],
)
def test_a_creation_that_was_killed_is_finished_or_undone_by_the_next(
    new_user: NewUserAws, known: int, named: str, store: str, ended: str
) -> None:
    key = user_key(new_user)
    made = new_user.aws.administrator("iam").create_access_key(UserName="jane.doe")["AccessKey"]
    ids = {"first": str(key["AccessKeyId"]), "second": str(made["AccessKeyId"]), "": ""}
    first, second = ids["first"], ids["second"]
    _, seed = new_user.aws.device()
    context = new_user.context()
    kept = access_keys.Request(FILE, access_keys.CONSOLE, path=str(new_user.csv(key)))
    access_keys.perform(kept, context, new_user.report)
    records = KeyRecords(new_user.environment.key_records_folder)
    now = new_user.environment.now()
    records.put(Creation("bb", BASE, store, (first, second)[:known], now, ids[named]))
    request = replace(kept, how=access_keys.API, path="", code=new_user.code(seed, 1))
    if ended == "refused":
        with pytest.raises(TwoActiveKeys):
            access_keys.perform(request, context, new_user.report)
        left = {first, second}
    else:
        done = access_keys.perform(request, context, new_user.report)["access_key"]
        left = {first, done["id"] if ended == "deleted" else second}
        assert ended in done["told"][0]
    assert set(new_user.keys()) == left
    assert len(left) == 2
    assert records.creation("bb", BASE) is None


# -- an interruption --------------------------------------------------------------------------------

PROGRAM = """
import json, os, signal, sys
import pyotp
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from support.fakes import fake_environment
from support.pgp import ENVIRONMENT
from tui.host import vault_for
from workflows.core.secret import Secret
from workflows.steps.new_user import mfa
from workflows.steps.shared.module import Context
from workflows.steps.shared.own_access_key import KeyInHand, KeyPlace

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

told = json.load(sys.stdin)
home = Path(told["home"])
vault = partial(vault_for, folder=home / "vault", gnupg_home=Path(told["gpg"]), environment=ENVIRONMENT,
                with_keyring=False)
now = lambda at=0: datetime.fromtimestamp(told["now"] + at, UTC)
gpg = Path(told["gpg"])
environment = fake_environment(
    home, ENVIRONMENT, endpoint_url=told["aws"], gnupg_home=gpg, vault=vault, now=now
)
context = Context(environment=environment, facts=told["facts"], every={}, item="security", folder=home)
key = KeyInHand(KeyPlace.TYPED, id=told["id"], secret=Secret(told["secret"]))
pending = mfa.begin(key, context, print)
if told["moment"] == "begun":
    die()
mfa.forget_seed = die
phone = pyotp.TOTP(pending.seed.reveal())
codes = (phone.at(now(-30)), phone.at(now()))
mfa.perform(mfa.Request(mfa.API, None, pending, *codes), context, print)
"""


@pytest.fixture
def gpg() -> Iterator[GpgHome]:
    with gpg_home() as home:
        yield home


@pytest.mark.parametrize("moment", ["begun", "enabled"])
def test_a_wizard_killed_over_the_codes_goes_on_with_the_same_device(
    new_user: NewUserAws, gpg: GpgHome, moment: str
) -> None:
    gpg.key("jane", passphrase="")
    facts = new_user.context({"fingerprint": gpg.fingerprint("jane")}).facts
    home, key = new_user.environment.home, user_key(new_user)
    told = {
        "home": str(home),
        "gpg": str(gpg.path),
        "aws": new_user.environment.endpoint_url,
        "now": new_user.aws.now(),
        "facts": dict(facts),
        "id": key["AccessKeyId"],
        "secret": key["SecretAccessKey"],
        "moment": moment,
    }
    killed = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(told),
        text=True,
        capture_output=True,
        env={"PATH": ENVIRONMENT["PATH"], "PYTHONPATH": str(TESTS)},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    vault = partial(
        vault_for, folder=home / "vault", gnupg_home=gpg.path, environment=ENVIRONMENT, with_keyring=False
    )
    new_user.environment = replace(new_user.environment, gnupg_home=gpg.path, vault=vault)
    kept = vault(gpg.fingerprint("jane")).vault
    left = kept.load("bb/security/mfa-seed")
    assert left is not None
    assert LeakHunt().leaks([left.reveal(), key["SecretAccessKey"]], home) == []
    assert killed.stdout + killed.stderr == ""
    found = mfa.begin(typed(key), new_user.context(dict(facts)), new_user.report)
    if moment == "enabled":
        assert found == Registered(SERIAL)
    else:
        assert isinstance(found, Pending)
        assert found.remark
        seed = found.seed.reveal()
        good = mfa.Request(mfa.API, None, found, new_user.code(seed, -1), new_user.code(seed))
        mfa.perform(good, new_user.context(dict(facts)), new_user.report)
    assert kept.load("bb/security/mfa-seed") is None
    devices = new_user.aws.administrator("iam").list_virtual_mfa_devices()["VirtualMFADevices"]
    assert [device["SerialNumber"] for device in devices] == [SERIAL]


def typed(key: dict[str, Any]) -> KeyInHand:
    return KeyInHand(KeyPlace.TYPED, id=key["AccessKeyId"], secret=Secret(key["SecretAccessKey"]))


def begun(new_user: NewUserAws, key: dict[str, Any]) -> Pending:
    pending = mfa.begin(typed(key), new_user.context(), new_user.report)
    assert isinstance(pending, Pending)
    return pending
