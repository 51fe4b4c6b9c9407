"""An access key that comes from the command line, and the store that it is to be kept in."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tui.cli import asking
from tui.cli.context import tell
from workflows.core.errors import OnboardError
from workflows.core.sentences import Sentence
from workflows.services.access_key_file import check_access_key, read_access_key_file
from workflows.services.clients import Credentials
from workflows.services.key_store import KeyStore
from workflows.services.sts import Identity
from workflows.services.vault import VaultLocked, VaultUnavailable
from workflows.steps.base import Context, Progress
from workflows.steps.kept_keys import Owner, created_at, keep_recorded
from workflows.steps.key_session import clients_for, devices_of_new_key, usable_identity
from workflows.steps.key_stores import CREDENTIALS_FILE, PGP_FILE, VAULT, opened_store
from workflows.steps.own_access_key import code_device
from workflows.steps.own_pgp_keys import own_keys
from workflows.world import World


@dataclass(frozen=True)
class Kept:
    """A key that is kept now.

    Attributes:
        mfa_serial: of the person's code device, as AWS tells it; None without one, or if it may not be asked.
        told: what was done, in sentences.
    """

    mfa_serial: str | None
    told: tuple[Sentence, ...]


def asked_store(
    options: argparse.Namespace, context: Context, project: str, profile: str, region: str
) -> tuple[KeyStore, str]:
    """The store that was asked for, and the fingerprint of the PGP key, where it is one's own.

    Args:
        options: `keyring`, `pgp_file` and `credentials_file`; none of them chooses the best that is here.
        context: of the person's world.
        project: the project's short name.
        profile: the base profile that the key is of.
        region: its region.

    Raises:
        OnboardError: it cannot be used now.
    """
    place = (context.world, project, profile, region)
    if options.credentials_file:
        return opened_store(CREDENTIALS_FILE, *place, ""), ""
    if not options.pgp_file:
        try:
            return opened_store(VAULT, *place, ""), ""
        except VaultLocked:
            raise  # it is there: the person unlocks it, or names another place
        except VaultUnavailable:
            if options.keyring:
                raise
    fingerprint = _own_fingerprint(options.pgp_file or "own", context)
    return opened_store(PGP_FILE, *place, fingerprint), fingerprint


def _own_fingerprint(wanted: str, context: Context) -> str:
    keys = [key for key in own_keys(context, tell) if key.accepted]
    if wanted != "own":
        bare = wanted.replace(" ", "").upper()
        keys = [key for key in keys if key.fingerprint.endswith(bare)]
    if len(keys) == 1:
        return keys[0].fingerprint
    raise OnboardError(
        "Which PGP key?" if keys else "No PGP key of your own",
        f"{len(keys)} of your own keys would do." if keys else "No key of your own can be used for this.",
        next="Name one: --pgp-file FINGERPRINT\n" + "\n".join(f"  {key.fingerprint}" for key in keys)
        if keys
        else "The wizard's step “PGP key” makes one. Or keep the key in plain text: --credentials-file.",
    )


def given_key(csv: str | None) -> Credentials:
    """The key of the file, or as it is typed.

    Raises:
        OnboardError: there is no key in the file, or it is a temporary one.
    """
    if csv:
        found = read_access_key_file(typed_path(csv))
        key_id, secret, token = found.access_key_id, found.secret_access_key, found.session_token
    else:
        key_id, token = asking.ask("Access key id: ").strip(), None
        secret = asking.ask_secret("Secret access key: ")
        for problem in check_access_key(key_id, secret):
            raise OnboardError("Not an access key", problem.message, next="Look at it again, then try again.")
    if token is not None:
        raise OnboardError(
            "A temporary key",
            f"{key_id} is a temporary key: it ends by itself within hours or days.",
            next="In the console: Security credentials, Create access key, Download .csv file.",
        )
    return Credentials(key_id, secret)


def keep_proved(
    store: KeyStore,
    key: Credentials,
    context: Context,
    *,
    project: str,
    profile: str,
    region: str,
    fingerprint: str,
    csv: str = "",
    created: datetime | None = None,
    check: Callable[[Identity], None] = lambda _who: None,
) -> Kept:
    """Ask AWS whose key it is, keep it, and write down that it is; the key is dropped at the end.

    Args:
        store: where to.
        key: the key.
        context: of the person's world.
        project: the project's short name.
        profile: the base profile that the key is of.
        region: its region.
        fingerprint: of the PGP key that the store encrypts to, or "".
        csv: the file it came from, which is about as old as the key, or "".
        created: when AWS made it, where that is known; AWS is asked all the same.
        check: refuses whoever it is, before anything is kept.

    Raises:
        OnboardError: it does not work, is another one's, or could not be kept; nothing is changed.
    """
    world, clients = context.world, clients_for(context.world, region)
    tell(Progress("Asking AWS whose key this is"))
    try:
        who = usable_identity(key, clients, context.cancelled)
        check(who)
        owner = Owner.told(who, project=project, profile=profile, region=region, fingerprint=fingerprint)
        serial = code_device(devices_of_new_key(key, clients, context.cancelled))
        created = created_at(key, clients) or created or (_written(csv, world) if csv else None)
        more = keep_recorded(store, key, owner, world, mfa_serial=serial, created=created)
    finally:
        key.drop()
    return Kept(serial, (f"{key.access_key_id} of {who.arn} is kept in {store.description}.", *more))


def _written(csv: str, world: World) -> datetime:
    """The console offers the file only while it shows the new key, so the file is as old as the key."""
    return min(datetime.fromtimestamp(typed_path(csv).stat().st_mtime, UTC), world.now())


def typed_path(text: str) -> Path:
    """A path as it was typed, absolute."""
    return Path(text).expanduser().absolute()
