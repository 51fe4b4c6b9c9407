"""An access key from the vault, printed as the AWS SDKs' `credential_process` protocol wants it.

The protocol is described in "Process credential provider" of the AWS SDKs and Tools reference guide: a JSON
object with Version 1 on standard output, and nothing else there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.cli.arguments import PROJECT_AND_PROFILE, Commands
from tui.cli.exit_codes import DONE
from tui.cli.output import say_json
from workflows.core.errors import OnboardError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from tui.host import Machine
    from workflows.stores.vault import Vault


def add_to(commands: Commands) -> None:
    """Declare the command."""
    commands.add(
        "credential-process",
        credential_process,
        *PROJECT_AND_PROFILE,
    )


def credential_process(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard credential-process`: a profile's base access key as SDKs read it.

    Raises:
        OnboardError: no key is kept under that name, or the vault that keeps it does not open.
    """
    from workflows.stores.access_key_vault import find_access_key

    project, profile = options.project, options.profile
    found = find_access_key(_vaults(machine, project, profile), project, profile)
    if found is None:
        raise OnboardError(
            "No access key here",
            f"No keyring and no vault on this computer has an access key for {profile} of {project}.",
            next="Keep one here: `iam-onboard access-key import`, or the wizard's step “Access keys”.",
        )
    key = found[1]
    say_json({"Version": 1, "AccessKeyId": key.id, "SecretAccessKey": key.secret.reveal()})
    return DONE


def _vaults(machine: Machine, project: str, profile: str) -> Iterator[Vault]:
    """The vault that is written down, then all: looking for keyrings takes longer than all the rest."""
    from tui.cli.asking import terminal_name
    from tui.stores import encrypted_files
    from workflows.stores.key_records import KeyRecords
    from workflows.stores.system_keyring import KeyringVault, named_keyring, system_keyrings

    try:
        record = KeyRecords(machine.places.key_records).get(project, profile)
    except OnboardError:
        record = None  # it only makes the search shorter; whoever needs it to be sound says what is wrong
    if record is not None and record.backend:
        backend = named_keyring(record.backend)
        if backend is not None:
            yield KeyringVault(backend)
    tty = terminal_name(machine.environment)  # an SDK in a terminal: gpg can ask there
    files = encrypted_files("", machine.places.vault, machine.gnupg_home, machine.environment, tty)
    if record is not None and record.fingerprint:
        yield files
    yield from (KeyringVault(backend) for backend in system_keyrings())
    yield files
