"""An access key from the vault, printed as the AWS SDKs' `credential_process` protocol wants it.

The protocol is described in "Process credential provider" of the AWS SDKs and Tools reference guide: a JSON
object with Version 1 on standard output, and nothing else there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from tui.ask import terminal_name
from tui.places import Machine
from workflows.errors import OnboardError
from workflows.services.access_key_vault import load_access_key
from workflows.services.system_keyring import KeyringVault, system_keyring
from workflows.services.vault import Vault, VaultUnavailable


def answer(machine: Machine, project: str, profile: str) -> str:
    """The JSON for a profile's base access key: from the keyring, else from a file encrypted to the own key.

    Raises:
        OnboardError: no key is kept under that name, or the vault that keeps it does not open.
    """
    asked, silent = [], None
    for vault in _vaults(machine):
        asked.append(vault.description)
        try:
            key = load_access_key(vault, project, profile)
        except VaultUnavailable as error:
            silent = silent or error  # it may be in the other one
            continue
        if key is not None:
            return json.dumps({"Version": 1, "AccessKeyId": key.id, "SecretAccessKey": key.secret.reveal()})
    if silent is not None:
        raise silent
    raise OnboardError(
        "No access key here",
        f"There is no access key for {profile} of {project} in {' or in '.join(asked)}.",
        next="Keep one there with the wizard's step “Access keys”.",
    )


def _vaults(machine: Machine) -> Iterator[Vault]:
    backend = system_keyring()
    if backend is not None:
        yield KeyringVault(backend)
    from tui.vaults import encrypted_files  # noqa: PLC0415 - gpg, only if the keyring does not have it

    gnupg_home = machine.gnupg_home
    tty = terminal_name(machine.environment)  # an SDK in a terminal: gpg can ask there
    yield encrypted_files("", machine.places.vault, gnupg_home, machine.environment, tty)
