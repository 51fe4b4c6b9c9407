"""The whole documented way, once, for real: from nothing to a new user whose `aws` command answers."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from support.browser_visit import BrowserVisit, Phone
from support.leak_hunt import LeakHunt, hunting
from support.recording import Recording
from support.sandbox import delete_if_there, sandbox_cache
from support.walker import Walker, wizard

from screens.admin.groups import Matrix
from tui.app.application import Start
from tui.host import Machine, Places, utc_now
from tui.session_catalogue import SessionCatalogue
from workflows.machine.events import StepKey, Verdict
from workflows.machine.state import Status
from workflows.machine.summaries import JOURNAL
from workflows.sandbox.sandbox import Sandbox
from workflows.steps.admin.admissions import Outcome, admissions
from workflows.steps.decisions import Comparison
from workflows.steps.shared.bug_report import bug_report

__all__ = ["sandbox_cache"]
pytestmark = pytest.mark.e2e

USER = "jane.doe"
PASSPHRASE = "canary passphrase 7c1f"
NEW_PASSWORDS = {"management": "Canary-Mgmt-Pass-91!", "security": "Canary-Sec-Pass-47!"}
EXPECTED = Path(__file__).parent / "expected"


@pytest.fixture
def machine(tmp_path: Path, sandbox_cache: Path, own_home: Path) -> Machine:
    places = Places(
        sessions=tmp_path / "sessions",
        sandboxes=tmp_path / "sandboxes",
        vault=tmp_path / "vault",
        cache=sandbox_cache,
    )
    return Machine(places, own_home, own_home / "Downloads", tmp_path, dict(os.environ), utc_now)


@pytest.fixture
def folder(machine: Machine) -> Iterator[Path]:
    folder = machine.places.sandboxes / "whole-way"
    yield folder
    delete_if_there(folder)


@pytest.fixture
def hunt(folder: Path) -> Iterator[LeakHunt]:
    """What is looked at for secrets from the first step to the last."""
    profiles = folder / "new-user" / "home" / ".aws"
    with hunting(folder / "tmp", sessions_of(folder), profiles) as hunt:
        yield hunt


async def test_from_an_empty_folder_to_a_new_user_whose_aws_command_answers(
    machine: Machine, folder: Path, hunt: LeakHunt, capfd: pytest.CaptureFixture[str]
) -> None:
    # The admin finds the project and says who joins; nobody has sent a key yet, so there is an invitation.
    recording = Recording()
    async with wizard(machine, folder, Start(workflow="admin"), recording=recording) as admin:
        await admin.at("Project")
        await admin.fill("#joining", USER)
        await admin.next()
        await admin.at("PGP keys")
        await admin.next()
        await admin.quit()

    # The new user makes a PGP key and sends its public half.
    async with wizard(machine, folder, Start(workflow="new-user"), recording=recording) as person:
        await person.at("Before you start")
        await person.next()
        await person.at("PGP key")
        await person.choose("#keys", "new")
        await person.fill("#name", "Jane Doe")
        await person.fill("#email", "jane.doe@company.example")
        await person.fill("#passphrase", PASSPHRASE)
        await person.fill("#again", PASSPHRASE)
        keep_picture(person, hunt)
        await person.next()
        await person.at("Handoff")
        await person.quit()

    # The admin takes the key in, edits users and groups, reads the difference, and writes it.
    session = session_of(machine, folder, "admin")
    async with wizard(machine, folder, Start(session=session), recording=recording) as admin:
        await admin.at("PGP keys")
        await admin.until(lambda: admin.pane._news("jane.doe"), "the request")
        await admin.next()
        await admin.until(lambda: bool(admin.pane._comparing), "its fingerprint")
        await admin.choose("#same", "same")
        await admin.pilot.press("space")
        await admin.next()
        await admin.at("Users")
        await admin.next()
        await admin.at("Groups")
        await put_into_group(admin, "management", "admins")
        await put_into_group(admin, "security", "devops")
        await admin.next()
        await admin.at("Review")
        await admin.next()
        await admin.confirm()
        # For each layer: plan, apply, hand over; management first, then security.
        for account in ("management", "security"):
            await plan_apply_and_hand_over(admin, account)
        seen = admin.wizard.run.session
        await admin.until(
            lambda: len(seen.state.seen_as(Verdict.AWAITED)) == 2, "both answers of AWS at the end"
        )
        await ask_the_regions(admin)
        unconfirmed = [name for name, status in admin.statuses().items() if status is not Status.DONE]
        assert unconfirmed == ["hand-over@management", "hand-over@security"], admin.statuses()
        await admin.quit()

    check_the_layers(folder)

    # The new user decrypts, signs in, registers MFA and makes an access key, for both identities.
    session = session_of(machine, folder, "new-user")
    async with wizard(machine, folder, Start(session=session), recording=recording) as person:
        await person.at("Handoff")
        sandbox = person.sandbox
        phone = Phone(sandbox)
        canaries: list[str | bytes] = [PASSPHRASE, *NEW_PASSWORDS.values(), *secret_halves(folder)]
        await person.until(lambda: person.pane.has_class("-arrived"), "the handoff to be noticed")
        await person.next()
        for account in ("management", "security"):
            canaries += await sign_in_and_get_a_key(person, account, phone, sandbox.new_user.downloads, hunt)
        await person.at("Verify")
        codes = phone.fresh_ones("binbash-management", "binbash-security")
        for account, code in zip(("management", "security"), codes, strict=True):
            await person.fill(f"#code-{account}", code)
        await person.next()
        await person.until(lambda: "10 of 10" in person.text(), "the proof", 30)
        await person.pilot.press("l")
        await person.until(lambda: bool(person.clipboard()), "the copied lines")
        assert_the_copied_lines_are_enough(person.clipboard(), machine.home)
        await person.next()
        await person.until(lambda: "You're in" in person.text(), "the end")
        assert set(person.statuses().values()) == {Status.DONE}

        # boto3 and the real aws command are the judges.
        files = profile_files(sandbox)
        assert_the_role_answers_boto3(sandbox, files, phone)
        assert_the_aws_command_answers(sandbox, files, phone)
        await person.quit()

    # AWS knows that the new user has come, and the admin's session needs nothing else for it.
    async with wizard(machine, folder, Start(session=session_of(machine, folder, "admin"))) as admin:
        await admin.until(lambda: admin.opened and admin.wizard.current is None, "the end")
        arrived = (StepKey("hand-over", "management"), StepKey("hand-over", "security"))
        session_now = admin.wizard.run.session
        await admin.until(
            lambda: all(session_now.status(key) is Status.DONE for key in arrived), "the arrival"
        )
        assert {session_now.state.observed[key].verdict for key in arrived} == {Verdict.AS_DECIDED}
        (jane,) = admissions(session_now.folder).people
        assert (jane.person, jane.compared) == (USER, Comparison.SAME)
        assert {name: admission and admission.outcome for name, admission in jane.accounts.items()} == {
            "management": Outcome.APPLIED,
            "security": Outcome.APPLIED,
        }
        await admin.quit()

    recording.write()
    assert_private(folder / "new-user" / "home" / ".aws" / "bb")
    canaries += phone.seeds()
    printed = "\0".join(capfd.readouterr())
    hunt.keep("what was printed", printed.encode())
    for journal in (*sessions_of(folder).rglob(JOURNAL), *machine.places.sessions.rglob(JOURNAL)):
        hunt.keep(f"the bug report of {journal}", bug_report(journal.parent, machine.home).encode())
    assert_no_canary(canaries, folder, machine, hunt)


def session_of(machine: Machine, folder: Path, workflow: str) -> str:
    found = [
        summary
        for summary in SessionCatalogue(machine).sessions_of(folder).summaries()
        if summary.workflow == workflow
    ]
    assert len(found) == 1, found
    return found[0].id


async def put_into_group(admin: Walker, account: str, group: str) -> None:
    """Move to the cell of the person and the group in the matrix of a layer, and press Space."""
    matrix = admin.pane.query_one(Matrix)
    while matrix.layout_shown.view.account != account:
        await admin.pilot.press("l")
    await admin.pilot.press("home", "ctrl+home")
    while matrix.group != group:
        await admin.pilot.press("right")
    assert matrix.person == USER
    await admin.pilot.press("space")


async def plan_apply_and_hand_over(admin: Walker, account: str) -> None:
    await admin.at(f"Plan ({account})")
    await admin.next()
    await admin.rest()
    assert f"{USER}" in admin.text(), admin.text()
    await admin.next()
    await admin.at(f"Apply ({account})")
    await admin.next()
    await admin.confirm()
    await admin.at(f"Hand over ({account})")
    await admin.next()
    await admin.rest()
    await admin.next()


async def ask_the_regions(admin: Walker) -> None:
    """The task after the rollout, done because somebody asks for it: where each account's STS is active."""
    admin.wizard.query_one("#ask-sts-regions").focus()
    await admin.pilot.press("enter")
    await admin.at("STS regions")
    await admin.next()
    await admin.rest()
    for account in ("management", "security"):
        assert re.search(rf"! {account} +15 ", admin.text()), admin.text()
    await admin.next()
    await admin.until(lambda: admin.wizard.current is None, "the end again")


def check_the_layers(folder: Path) -> None:
    """The difference in both layers is exactly what the documentation's edits would be, and the key files."""
    root = folder / "bb"
    lines = git(root, "diff", "--no-color").splitlines(keepends=True)
    diff = "".join(line for line in lines if not line.startswith("index "))
    assert diff == (EXPECTED / "whole_way.diff").read_text(), diff
    new = git(root, "ls-files", "--others", "--exclude-standard").split()
    assert new == [
        f"management/global/base-identities/keys/{USER}",
        f"security/global/base-identities/keys/{USER}",
    ]


def git(root: Path, *arguments: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(root), "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *arguments], cwd=root, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


async def sign_in_and_get_a_key(
    person: Walker, account: str, phone: Phone, downloads: Path, hunt: LeakHunt
) -> tuple[str, str]:
    """Walk one identity up to its profiles; gives the one-time password and the secret key, as canaries."""
    await person.at(f"Sign in ({account})")
    await person.fill("#passphrase", PASSPHRASE)
    keep_picture(person, hunt)
    await person.next()
    await person.rest()
    await person.press("#copy-password")
    keep_picture(person, hunt)
    password = person.clipboard()
    with BrowserVisit(person.pane._page(), downloads) as browser:
        assert browser.sign_in(USER, password).url.endswith("/console/password")
        browser.choose_password(password, NEW_PASSWORDS[account])
        await person.work_down()
        await person.next()

        await person.at(f"MFA ({account})")
        browser.register_authenticator(USER, phone)
        browser.sign_in_with_code(USER, NEW_PASSWORDS[account], phone)
        await person.work_down()
        await person.next()

        await person.at(f"Access keys ({account})")
        await person.next()
        await person.next()
        path = browser.download_access_key()
        secret = path.read_text().splitlines()[1].rpartition(",")[2].strip('"')
    await person.until(lambda: path.name in person.text(), "the file to be noticed")
    keep_picture(person, hunt)
    await person.next()
    await person.at(f"Profiles ({account})")
    keep_picture(person, hunt)
    assert not path.exists(), "the downloaded file was to be deleted"
    assert person.facts(account)["access_key"]["signed_in"]
    await person.next()
    return password, secret


def profile_files(sandbox: Sandbox) -> dict[str, str]:
    folder = sandbox.new_user.home / ".aws" / "bb"
    return {
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
    }


ASK_BOTO3 = """
import boto3
print(boto3.Session(profile_name="bb-apps-devstg-devops").client("sts").get_caller_identity()["Arn"])
"""


def assert_the_role_answers_boto3(sandbox: Sandbox, files: dict[str, str], phone: Phone) -> None:
    environment = {**sandbox.new_user.environment, **files}
    answer = at_a_terminal([sys.executable, "-c", ASK_BOTO3], environment, phone.fresh("binbash-security"))
    assert "arn:aws:sts::444444444444:assumed-role/DevOps/" in answer, answer


def assert_the_aws_command_answers(sandbox: Sandbox, files: dict[str, str], phone: Phone) -> None:
    aws = Path(sys.executable).with_name("aws")
    environment = {**sandbox.new_user.environment, **files, "AWS_PROFILE": "bb-shared-devops"}
    answer = at_a_terminal(
        [str(aws), "sts", "get-caller-identity"], environment, phone.fresh("binbash-security")
    )
    assert "arn:aws:sts::333333333333:assumed-role/DevOps/" in answer, answer


def assert_the_copied_lines_are_enough(lines: str, home: Path) -> None:
    """A terminal that knows nothing of the sandbox, with the lines typed: the vault's key, the local AWS."""
    aws = Path(sys.executable).with_name("aws")
    typed = f"{lines}{shlex.quote(str(aws))} sts get-caller-identity --profile bb-security\n"
    done = subprocess.run(
        ["bash", "--norc"],
        input=typed,
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "arn:aws:iam::222222222222:user/jane.doe" in done.stdout, done.stderr


def at_a_terminal(command: list[str], environment: dict[str, str], typed: str) -> str:
    """Run a command at a terminal of its own and type a line when it asks for it."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(command[0], command, environment)  # noqa: S606 - a terminal of its own needs it
    said = b""
    answered = False
    while True:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # Linux tells the end of a terminal as an error
            break
        if not chunk:
            break
        said += chunk
        if b"MFA code" in said and not answered:
            os.write(terminal, typed.encode() + b"\n")
            answered = True
    os.close(terminal)
    _, status = os.waitpid(child, 0)
    assert status == 0, said.decode(errors="replace")
    return said.decode(errors="replace")


def assert_private(folder: Path) -> None:
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in folder.iterdir()], "no profile file was written"
    for path in folder.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path


def sessions_of(folder: Path) -> Path:
    return folder.with_name(folder.name + ".sessions")


def keep_picture(person: Walker, hunt: LeakHunt) -> None:
    """What a picture of the screen holds is searched, too."""
    hunt.keep(f"a picture of {person.pane.opening.title}", person.app.export_screenshot().encode())


def secret_halves(folder: Path) -> list[bytes]:
    """The protected secret numbers of the person's PGP key and its subkey, as gpg-agent keeps them."""
    files = sorted((folder / "new-user").rglob("private-keys-v1.d/*.key"))
    kept = [file.read_bytes().partition(b"(protected ")[2] for file in files]
    numbers = [max(re.findall(rb"#([0-9A-F\s]+)#", text), key=len) for text in kept]
    return [bytes.fromhex("".join(number.decode().split())) for number in numbers]


def assert_no_canary(secrets: Sequence[str | bytes], folder: Path, machine: Machine, hunt: LeakHunt) -> None:
    """Nothing that was written, started or shown holds a passphrase, a password, a seed or a secret key."""
    assert len(secrets) == 11
    assert min(map(len, secrets)) > 15
    hunt.stop()
    programs = hunt.programs()
    assert {"gpg", "git", "terraform"} <= programs, programs
    assert any(name.startswith("terraform-provider-aws") for name in programs), programs
    may_hold = (
        folder / "aws",  # what the sandbox's AWS knows is its own
        *(path for path in folder.rglob("private-keys-v1.d")),
    )
    places = machine.places
    roots = (folder, sessions_of(folder), machine.home, places.sessions, places.vault)
    assert hunt.leaks(secrets, *roots, but=may_hold) == []
    assert hunt.leaks([USER], folder), "the hunt finds nothing at all"
