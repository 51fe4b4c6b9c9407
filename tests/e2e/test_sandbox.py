# ruff: noqa: F811 - fixtures are imported, and then named again as parameters
"""The sandbox with real Terraform, the real AWS provider, real gpg and the local AWS."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from support.sandbox import sandbox, sandbox_cache, sandbox_folder, shared_sandbox  # noqa: F401

from workflows.core.sentences import OnboardError
from workflows.sandbox import mirror, project
from workflows.sandbox.sandbox import Sandbox, delete_sandbox

pytestmark = pytest.mark.e2e


def terraform(sandbox: Sandbox, layer: Path, *arguments: str, fails: bool = False) -> str:
    done = subprocess.run(
        [*sandbox.terraform_argv, *arguments],
        cwd=layer,
        env=dict(sandbox.administrator.environment),
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert bool(done.returncode) is fails, done.stdout + done.stderr
    return done.stdout + done.stderr


def values(sandbox: Sandbox, layer: Path) -> list[str]:
    account = sandbox.project_root / project.account_of(layer) / "config"
    folders = (sandbox.project_root / "config", account)
    return [f"-var-file={path}" for folder in folders for path in sorted(folder.glob("*.tfvars"))]


def init(sandbox: Sandbox, layer: Path) -> None:
    backend = sandbox.project_root / project.account_of(layer) / "config" / "backend.tfvars"
    terraform(sandbox, layer, "init", f"-backend-config={backend}", "-input=false", "-lockfile=readonly")


def plan(sandbox: Sandbox, layer: Path) -> str:
    return terraform(sandbox, layer, "plan", *values(sandbox, layer), "-input=false", "-no-color")


def drift(sandbox: Sandbox, layer: Path) -> list[str]:
    """The addresses of what was changed outside of Terraform, as a plan has them."""
    file = layer / "drift.plan"
    terraform(sandbox, layer, "plan", *values(sandbox, layer), "-input=false", f"-out={file}")
    found = json.loads(terraform(sandbox, layer, "show", "-json", str(file)))
    file.unlink()
    return [change["address"] for change in found.get("resource_drift", [])]


def git(sandbox: Sandbox, *arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments],
        cwd=sandbox.project_root,
        env=dict(sandbox.administrator.environment),
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def servers_of(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
        if str(folder) in words and any("workflows.sandbox.server" in word for word in words):
            found.append(process)
    return found


def wait_until_gone(folder: Path) -> None:
    while servers_of(folder):
        time.sleep(0.05)


def iam(sandbox: Sandbox, profile: str) -> Any:
    session = boto3.Session(profile_name=profile)
    return session.client("iam", endpoint_url=sandbox.endpoint_url)


def become_administrator(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, sandbox.administrator.environment[name])


@pytest.mark.slow
def test_both_layers_are_applied_and_stay_so_after_closing(sandbox: Sandbox) -> None:
    for layer in project.layers(sandbox.project_root):
        init(sandbox, layer)
        told = plan(sandbox, layer)
        assert "No changes." in told
        assert drift(sandbox, layer) == []
    address = sandbox.endpoint_url
    sandbox.close()
    assert not servers_of(sandbox.folder)
    with Sandbox.open(sandbox.folder, environment=os.environ) as again:
        assert again.endpoint_url == address
        for layer in project.layers(again.project_root):
            assert "No changes." in plan(again, layer)


def test_the_project_is_clean_formatted_and_not_behind_its_upstream(shared_sandbox: Sandbox) -> None:
    sandbox = shared_sandbox
    assert terraform(sandbox, sandbox.project_root, "fmt", "-check", "-recursive") == ""
    git(sandbox, "fetch")
    assert git(sandbox, "status", "--porcelain=v2", "--branch").splitlines()[1:] == [
        "# branch.head main",
        "# branch.upstream origin/main",
        "# branch.ab +0 -0",
    ]
    assert git(sandbox, "log", "--format=%ae") == "administrator@example.com\n"
    assert Path(git(sandbox, "remote", "get-url", "origin").strip()) == sandbox.folder / "upstream.git"
    for layer in project.layers(sandbox.project_root):
        relative = layer.relative_to(sandbox.project_root)
        assert git(sandbox, "ls-files", str(relative / ".terraform.lock.hcl"))
        assert not git(sandbox, "ls-files", str(relative / "zz_override.tf"))
        init(sandbox, layer)
    assert git(sandbox, "status", "--porcelain") == ""


def test_a_user_added_by_hand_gets_a_password_and_a_port_that_somebody_took_is_replaced_everywhere(
    sandbox: Sandbox,
) -> None:
    layer = project.layers(sandbox.project_root)[1]
    person = sandbox.new_user
    gpg = ["gpg", "--batch", "--quiet", "--homedir", str(person.gnupg_home)]
    parameters = (
        "Key-Type: RSA\nKey-Length: 2048\nKey-Usage: sign\nSubkey-Type: RSA\nSubkey-Length: 2048\n"
        "Subkey-Usage: encrypt\nName-Email: jane.doe@example.com\n%no-protection\n%commit\n"
    )
    run_gpg([*gpg, "--gen-key"], parameters.encode(), person.environment)
    exported = run_gpg([*gpg, "--export", "jane.doe@example.com"], b"", person.environment)
    (layer / "keys" / "jane.doe").write_bytes(encode(exported))
    people = layer / "locals.tf"
    people.write_text(people.read_text().replace('"dana.lopez",\n', '"dana.lopez",\n    "jane.doe",\n'))
    init(sandbox, layer)
    applied = terraform(sandbox, layer, "apply", *values(sandbox, layer), "-auto-approve", "-no-color")
    assert "2 added, 0 changed, 0 destroyed" in applied
    state = json.loads(terraform(sandbox, layer, "show", "-json"))
    password = next(
        resource["values"]["encrypted_password"]
        for module in state["values"]["root_module"]["child_modules"]
        for resource in module["resources"]
        if resource["type"] == "aws_iam_user_login_profile" and resource["values"]["user"] == "jane.doe"
    )
    decrypted = run_gpg([*gpg, "--decrypt"], base64.b64decode(password), person.environment)
    assert len(decrypted) == 30

    address = sandbox.endpoint_url
    sandbox.close()
    with socket.socket() as somebody:
        somebody.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        somebody.bind(("127.0.0.1", int(address.rpartition(":")[2])))
        somebody.listen()
        with Sandbox.open(sandbox.folder, environment=os.environ) as moved:
            assert moved.endpoint_url != address
            init(moved, layer)
            assert "No changes." in plan(moved, layer)


def run_gpg(command: list[str], given: bytes, environment: Mapping[str, str]) -> bytes:
    return subprocess.run(command, input=given, env=dict(environment), check=True, capture_output=True).stdout


def encode(binary: bytes) -> bytes:
    return base64.encodebytes(binary)


def test_aws_has_the_people_groups_and_accounts_of_the_project(
    shared_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    become_administrator(shared_sandbox, monkeypatch)
    client = iam(shared_sandbox, "bb-security-devops")
    assert {user["UserName"] for user in client.list_users()["Users"]} == {
        "alex.kim",
        "dana.lopez",
        "machine.github.actions",
        "sam.okafor",
    }
    members = client.get_group(GroupName="devops")["Users"]
    assert {user["UserName"] for user in members} == {"alex.kim", "dana.lopez"}
    assert client.list_account_aliases()["AccountAliases"] == ["binbash-security"]
    trust = client.get_role(RoleName="OrganizationAccountAccessRole")["Role"]["AssumeRolePolicyDocument"]
    assert "Condition" in trust["Statement"][0]
    listed = {
        account["Name"]: (account["Id"], account["Email"])
        for account in organizations(shared_sandbox).list_accounts()["Accounts"]
    }
    assert listed == {name: (number, f"aws+{name}@example.com") for name, number in project.ACCOUNTS.items()}
    assert organization(shared_sandbox)["MasterAccountId"] == project.ACCOUNTS["management"]


def organizations(sandbox: Sandbox) -> Any:
    session = boto3.Session(profile_name="bb-management-administrator")
    return session.client("organizations", endpoint_url=sandbox.endpoint_url)


def organization(sandbox: Sandbox) -> dict[str, Any]:
    return dict(organizations(sandbox).describe_organization()["Organization"])


def test_of_two_that_open_it_at_once_one_starts_its_server(sandbox: Sandbox) -> None:
    sandbox.close()
    with ThreadPoolExecutor(2) as both:
        opened = [*both.map(lambda _: Sandbox.open(sandbox.folder, environment=os.environ), range(2))]
    try:
        assert {each.endpoint_url for each in opened} == {sandbox.endpoint_url}
        with urllib.request.urlopen(f"{opened[0].endpoint_url}/{sandbox.token}/phone") as answer:  # noqa: S310 - our own
            assert answer.status == 200
    finally:
        for each in opened:
            each.close()


def test_console_and_phone_answer(shared_sandbox: Sandbox) -> None:
    for page in ("console", "phone"):
        address = f"{shared_sandbox.endpoint_url}/{shared_sandbox.token}/{page}"
        with urllib.request.urlopen(address) as answer:  # noqa: S310 - our own loopback server
            assert answer.status == 200
            assert b"<html" in answer.read().lower()
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(address.replace(f"/{shared_sandbox.token}", ""))  # noqa: S310 - as above


OWNER = """
import os, sys, time
from pathlib import Path
from workflows.sandbox.sandbox import Sandbox
sandbox = Sandbox.open(Path(sys.argv[1]), environment=os.environ)
print("open", flush=True)
time.sleep(3600)
"""


def owner_of(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", OWNER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


def test_nothing_is_lost_when_the_server_or_its_owner_is_killed(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    become_administrator(sandbox, monkeypatch)
    folder, known = sandbox.folder, organization(sandbox)["Id"]
    iam(sandbox, "bb-security-devops").create_user(UserName="made.before.the.servers.death")
    state = folder / "aws" / "moto.json"
    while b"made.before.the.servers.death" not in state.read_bytes():
        time.sleep(0.1)
    (server,) = servers_of(folder)
    server.kill()
    sandbox.close()
    with owner_of(folder) as owner:
        iam(sandbox, "bb-security-devops").create_user(UserName="made.before.the.owners.death")
        owner.send_signal(signal.SIGKILL)
    wait_until_gone(folder)
    with Sandbox.open(folder, environment=os.environ) as again:
        for name in ("made.before.the.servers.death", "made.before.the.owners.death"):
            assert iam(again, "bb-security-devops").get_user(UserName=name)
        assert organization(again)["Id"] == known


def slow_apply(sandbox: Sandbox) -> subprocess.Popen[bytes]:
    """An apply in a layer beside the project, busy until a file "go" is there; it outlives the wizard."""
    layer = sandbox.folder / "slow"
    layer.mkdir()
    (layer / "main.tf").write_text(
        'resource "terraform_data" "slow" {\n'
        '  provisioner "local-exec" {\n'
        '    command = "while [ ! -e go ]; do sleep 0.1; done; touch done"\n'
        "  }\n"
        "}\n"
    )
    terraform(sandbox, layer, "init")
    with (layer / "log").open("wb") as log:
        return subprocess.Popen(
            [*sandbox.terraform_argv, "apply", "-auto-approve", "-no-color"],
            cwd=layer,
            env=dict(sandbox.administrator.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def wait_for_text(path: Path, text: str) -> None:
    while text not in path.read_text():
        time.sleep(0.05)


def test_a_running_apply_keeps_the_server_and_a_new_owner_finds_both(sandbox: Sandbox) -> None:
    with slow_apply(sandbox) as applying:
        wait_for_text(sandbox.folder / "slow" / "log", "Creating...")
        sandbox.close()
        (server,) = servers_of(sandbox.folder)
        with pytest.raises(OnboardError, match="in use"):
            delete_sandbox(sandbox.folder)
        with Sandbox.open(sandbox.folder, environment=os.environ) as again:
            assert again.endpoint_url == sandbox.endpoint_url
            assert servers_of(sandbox.folder) == [server]
        assert servers_of(sandbox.folder) == [server]
        (sandbox.folder / "slow" / "go").touch()
        assert applying.wait() == 0
    assert (sandbox.folder / "slow" / "done").exists()
    wait_until_gone(sandbox.folder)


def test_one_interrupt_stops_an_apply_in_good_order(shared_sandbox: Sandbox) -> None:
    layer = shared_sandbox.folder / "slow"
    with slow_apply(shared_sandbox) as applying:
        log = layer / "log"
        wait_for_text(log, "Creating...")
        applying.send_signal(signal.SIGINT)
        assert applying.wait() == 1
    assert "Interrupt received" in log.read_text()
    assert not (layer / ".terraform.tfstate.lock.info").exists()


def test_a_second_sandbox_has_a_port_of_its_own_and_a_long_folder_still_has_room_for_sockets(
    shared_sandbox: Sandbox, tmp_path: Path, sandbox_cache: Path
) -> None:
    folder = tmp_path / ("long-" * 12) / "sandbox"
    with Sandbox.create(folder, cache=sandbox_cache, environment=os.environ) as made:
        assert made.endpoint_url != shared_sandbox.endpoint_url
        gnupg_home = made.new_user.gnupg_home
        assert len(str(gnupg_home / "S.gpg-agent.browser")) < 100
        command = ["gpg", "--batch", "--passphrase", "", "--quick-gen-key", "a@example.com", "rsa2048"]
        run_gpg(command, b"", made.new_user.environment)
        made.close()
        assert not gnupg_home.parent.parent.parent.exists()
        with Sandbox.open(folder, environment=os.environ) as again:
            assert b"a@example.com" in run_gpg(["gpg", "--list-keys"], b"", again.new_user.environment)
            again.close()
            delete_sandbox(again.folder)
    assert not folder.exists()
    assert not gnupg_home.parent.parent.parent.exists()


def test_a_folder_in_use_is_refused(tmp_path: Path, sandbox_cache: Path) -> None:
    with pytest.raises(OnboardError, match=re.escape(str(tmp_path))):
        Sandbox.create(tmp_path, cache=sandbox_cache, environment=os.environ)


def test_the_first_sandbox_of_a_machine_touches_nothing_else(
    sandbox_folder: Path, sandbox_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, cache, said = tmp_path / "home", tmp_path / "cache", list[str]()
    home.mkdir()
    cache.mkdir()
    layers = project.layers
    monkeypatch.setattr(project, "layers", lambda root: layers(root)[:1])  # two touch nothing more
    mirror.ensure_mirror(sandbox_cache)
    (cache / "providers").symlink_to(sandbox_cache / "providers")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_PROFILE", "somebody-elses")
    monkeypatch.setenv("GIT_DIR", str(home / "nowhere"))
    monkeypatch.setenv("GNUPGHOME", str(home / ".gnupg"))
    with Sandbox.create(sandbox_folder, cache=cache, environment=os.environ, progress=said.append) as made:
        assert made.folder == sandbox_folder
    assert list(home.iterdir()) == []
    assert "AWS" in said[-1]
    assert len(said) == 4
    assert not list(cache.glob("io.*"))


def test_a_sandbox_whose_aws_does_not_start_is_not_left_behind(
    shared_sandbox: Sandbox, sandbox_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(OnboardError, match="start"):
        Sandbox.create(tmp_path / "second", cache=sandbox_cache, environment=os.environ)
    assert not (tmp_path / "second").exists()
    links = [link.readlink() for link in Path("/tmp").glob("io-*/s") if link.is_symlink()]
    assert tmp_path / "second" not in links
