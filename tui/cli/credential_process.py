"""An access key from the vault, printed as the AWS SDKs' `credential_process` protocol wants it.

The protocol is described in "Process credential provider" of the AWS SDKs and Tools reference guide: a JSON
object with Version 1 on standard output, and nothing else there.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tui.cli.exit_codes import DONE
from tui.cli.output import say_json
from tui.host import Machine
from workflows.core.errors import OnboardError
from workflows.stores.access_key_vault import find_access_key
from workflows.stores.key_records import KeyRecord, KeyRecords
from workflows.stores.system_keyring import KeyringVault, named_keyring, system_keyrings

if TYPE_CHECKING:
    from workflows.stores.vault import PgpFileVault, Vault


def credential_process(machine: Machine, options: argparse.Namespace) -> int:
    """`iam-onboard credential-process`: an access key as SDKs read it, from the vault that keeps it."""
    say_json(answer(machine, options.project, options.profile))
    return DONE


def answer(machine: Machine, project: str, profile: str) -> dict[str, object]:
    """The answer for a profile's base access key, from the vault that keeps it.

    Where it is kept is written down (`KeyRecords`), so that vault is asked first; the others follow, for a
    key without a record.

    Raises:
        OnboardError: no key is kept under that name, or the vault that keeps it does not open.
    """
    found = find_access_key(_vaults(machine, _record(machine, project, profile)), project, profile)
    if found is None:
        raise OnboardError(
            "No access key here",
            f"No keyring and no vault on this computer has an access key for {profile} of {project}.",
            next="Keep one here: `iam-onboard access-key import`, or the wizard's step “Access keys”.",
        )
    _, key = found
    return {"Version": 1, "AccessKeyId": key.id, "SecretAccessKey": key.secret.reveal()}


def _record(machine: Machine, project: str, profile: str) -> KeyRecord | None:
    try:
        return KeyRecords(machine.places.key_records).get(project, profile)
    except OnboardError:
        return None  # it only makes the search shorter; whoever needs it to be sound says what is wrong


def _vaults(machine: Machine, record: KeyRecord | None) -> Iterator[Vault]:
    """The vault that is written down, then all: looking for keyrings takes longer than all the rest."""
    if record is not None and record.backend:
        backend = named_keyring(record.backend)
        if backend is not None:
            yield KeyringVault(backend)
    files = _files(machine)
    if record is not None and record.fingerprint:
        yield files
    yield from (KeyringVault(backend) for backend in system_keyrings())
    yield files


def _files(machine: Machine) -> PgpFileVault:
    from tui.cli.asking import terminal_name  # noqa: PLC0415 - an SDK waits
    from tui.stores import encrypted_files  # noqa: PLC0415

    tty = terminal_name(machine.environment)  # an SDK in a terminal: gpg can ask there
    return encrypted_files("", machine.places.vault, machine.gnupg_home, machine.environment, tty)
