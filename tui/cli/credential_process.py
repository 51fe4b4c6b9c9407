"""An access key from the vault, printed in the AWS SDKs' `credential_process` format.

It is described in "Process credential provider" of the AWS SDKs and Tools reference guide: a JSON object with
Version 1 on standard output, and nothing else there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.cli.arguments import PROJECT_AND_PROFILE, Commands
from tui.cli.output import say_json
from workflows.core.later import on_demand
from workflows.core.sentences import OnboardError

with on_demand():
    from tui import host
    from tui.cli import asking
    from workflows.core import parsing
    from workflows.stores import system_keyring, vault

if TYPE_CHECKING:
    import argparse


def add_to(commands: Commands) -> None:
    """Declare the command."""
    commands.add(
        "credential-process",
        credential_process,
        *PROJECT_AND_PROFILE,
    )


def credential_process(machine: host.Machine, options: argparse.Namespace) -> None:
    """`iam-onboard credential-process`: a profile's base access key as SDKs read it.

    Raises:
        OnboardError: no key is kept under that name, or its vault can't be opened.
    """
    project, profile = options.project, options.profile
    found = vault.find_access_key(_vaults(machine, project, profile), project, profile)
    if found is None:
        raise OnboardError(
            "No access key here",
            f"No keyring or vault on this computer has an access key for {profile} of {project}.",
            next="Add one: `iam-onboard access-key import`, or the wizard's step “Access keys”.",
        )
    key = found[1]
    secret = key.secret_access_key.reveal()
    say_json({"Version": 1, "AccessKeyId": key.access_key_id, "SecretAccessKey": secret})


def _vaults(machine: host.Machine, project: str, profile: str) -> Iterator[vault.Vault]:
    """Yield the recorded vault, then all: searching keyrings takes longer than everything else."""
    record = _record(vault.record_file(machine.places.key_records, project, profile))
    if record.get("backend"):
        backend = system_keyring.named_keyring(str(record["backend"]))
        if backend is not None:
            yield system_keyring.KeyringVault(backend)
    tty = asking.terminal_name(machine.environment)  # an SDK in a terminal: gpg can ask there
    files = host.encrypted_files("", machine.places.vault, machine.gnupg_home, machine.environment, tty)
    if record.get("fingerprint"):
        yield files
    yield from (system_keyring.KeyringVault(backend) for backend in system_keyring.system_keyrings())
    yield files


def _record(path: Path) -> dict[str, Any]:
    """Return the record of a key unchecked, since it only shortens the search, or {}."""
    try:
        record = parsing.read_json(path, vault.LARGEST_RECORD)
    except OnboardError:
        record = None  # there is none, or the commands that rely on it report the damage
    return record if isinstance(record, dict) else {}
