"""Temporary credentials: kept in the vault until they expire, and as a pair of files for a child process."""

from __future__ import annotations

import configparser
import io
import json
import shutil
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from workflows.aws.clients import ProfileFiles
from workflows.core.files import private_folder, write_atomically
from workflows.core.parsing import parse_json
from workflows.core.secret import Credentials, Secret
from workflows.core.shapes import WrongShape, moment
from workflows.stores.vault import Vault

SHORTEST_REST = timedelta(minutes=10)
"""Credentials that expire sooner than this are not worth starting an apply with."""


def keep_credentials(vault: Vault | None, name: str, credentials: Credentials) -> None:
    """Store temporary credentials in a vault, if there is one.

    Raises:
        VaultUnavailable: they could not be stored.
    """
    if vault is None:
        return
    expires_at, token = credentials.expires_at, credentials.session_token
    text = json.dumps(
        {
            "id": credentials.access_key_id,
            "secret": credentials.secret_access_key.reveal(),
            "token": token.reveal() if token else "",
            "expires_at": expires_at.isoformat() if expires_at else "",
        }
    )
    vault.store(name, Secret(text))


def kept_credentials(vault: Vault | None, name: str, now: datetime) -> Credentials | None:
    """Load stored credentials, or None; those about to expire are deleted.

    Args:
        vault: the vault, or None.
        name: as for `keep_credentials`.
        now: the time, in UTC.

    Raises:
        VaultUnavailable: the vault cannot be read.
    """
    secret = vault.load(name) if vault is not None else None
    if vault is None or secret is None:
        return None
    try:
        kept = parse_json(secret.reveal())
        expires_at = moment(kept["expires_at"], "expires_at")
        found = Credentials(kept["id"], Secret(kept["secret"]), Secret(kept["token"]), expires_at)
    except (ValueError, KeyError, TypeError, WrongShape):
        vault.delete(name)
        return None
    finally:
        secret.drop()
    if expires_at - now < SHORTEST_REST:
        vault.delete(name)
        found.drop()
        return None
    return found


def write_pair(
    folder: Path, profiles: Mapping[str, Mapping[str, str]], given: Mapping[str, Credentials]
) -> ProfileFiles:
    """Write profiles, some with temporary credentials, into a private folder (0700, files 0600).

    Args:
        folder: the folder; a killed program's leftovers are removed first. The caller removes it afterwards.
        profiles: settings by profile name.
        given: credentials of some profiles by name.

    Raises:
        FileError: they cannot be written.
    """
    shutil.rmtree(folder, ignore_errors=True)
    private_folder(folder)
    files = ProfileFiles(folder / "config", folder / "credentials")
    titled = {"default" if name == "default" else f"profile {name}": own for name, own in profiles.items()}
    write_atomically(files.config_file, _sections(titled))
    write_atomically(
        files.credentials_file, _sections({name: _key(credentials) for name, credentials in given.items()})
    )
    return files


def _key(credentials: Credentials) -> dict[str, str]:
    token = credentials.session_token
    return {
        "aws_access_key_id": credentials.access_key_id,
        "aws_secret_access_key": credentials.secret_access_key.reveal(),
        **({"aws_session_token": token.reveal()} if token else {}),
    }


def _sections(sections: Mapping[str, Mapping[str, str]]) -> bytes:
    parser = configparser.RawConfigParser()
    parser.read_dict(sections)
    text = io.StringIO()
    parser.write(text)
    return text.getvalue().encode()
