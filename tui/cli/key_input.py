"""An access key that comes from the command line, and the store that it is to be kept in."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tui.cli import asking
from tui.cli.context import report_progress
from workflows.aws.access_key_file import check_access_key, read_access_key_file
from workflows.aws.clients import Credentials
from workflows.aws.sts import Identity
from workflows.core.errors import OnboardError
from workflows.core.files import is_there, read_text
from workflows.core.sentences import Sentence
from workflows.environment import World
from workflows.profiles.reading import Found, profile_sections
from workflows.profiles.write import MAX_BYTES, ProfilePaths
from workflows.steps.new_user.pgp_key import own_keys
from workflows.steps.rotation.rotate import store_of
from workflows.steps.shared.key_stores import CREDENTIALS_FILE, PGP_FILE, VAULT, opened_store
from workflows.steps.shared.module import Context, Progress
from workflows.steps.shared.own_access_key import (
    Owner,
    adopted,
    code_device,
    created_at,
    devices_of_new_key,
    keep_recorded,
    usable_identity,
)
from workflows.steps.shared.own_identity import clients_for
from workflows.stores.key_records import KeyRecord, KeyRecords
from workflows.stores.key_store import KeyStore
from workflows.stores.vault import VaultLocked, VaultUnavailable


@dataclass(frozen=True)
class Kept:
    """A key that is kept now.

    Attributes:
        mfa_serial: of the person's code device, as AWS reports it; None without one or without permission.
        done: sentences on what was done.
    """

    mfa_serial: str | None
    done: tuple[Sentence, ...]


@dataclass(frozen=True)
class KeyPlace:
    """The base profile that a key is of, in the person's world.

    Attributes:
        context: of the person's world.
        project: the project's short name.
        profile: the base profile.
        region: its region.
    """

    context: Context
    project: str
    profile: str
    region: str

    def store(self, options: argparse.Namespace) -> tuple[KeyStore, str]:
        """The store that was asked for, and the fingerprint of the PGP key, where it is one's own.

        Args:
            options: `keyring`, `pgp_file` and `credentials_file`; none of them chooses the best that is here.

        Raises:
            OnboardError: it cannot be used now.
        """
        place = (self.context.world, self.project, self.profile, self.region)
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
        fingerprint = _own_fingerprint(options.pgp_file or "own", self.context)
        return opened_store(PGP_FILE, *place, fingerprint), fingerprint

    def record(self) -> KeyRecord:
        """What is known of the kept key; where nothing is, the stores are searched.

        Raises:
            OnboardError: there is none, or it is not usable.
        """
        known = KeyRecords(self.context.world.key_records_folder).get(self.project, self.profile)
        return known or adopted(
            self.context.world, self.project, self.profile, self.region, self.context.cancelled
        )

    def load(self, otherwise: str) -> Credentials:
        """The kept key.

        Args:
            otherwise: the option that gives the key where none is kept.

        Raises:
            OnboardError: there is none, or its store does not open.
        """
        store = store_of(self.record(), self.context.world)
        key = store.load()
        if key is None:
            raise OnboardError(
                "No access key here",
                f"The access key of {self.profile} is no longer in {store.description}.",
                next=f"Bring it here: `{otherwise}`.",
            )
        return key

    def owner(self, who: Identity, fingerprint: str) -> Owner:
        """Whose key it is, as STS says it.

        Raises:
            OnboardError: the key is not a user's.
        """
        place = {"project": self.project, "profile": self.profile, "region": self.region}
        return Owner.told(who, **place, fingerprint=fingerprint)

    def keep(
        self,
        key: Credentials,
        store: KeyStore,
        fingerprint: str,
        *,
        csv: str = "",
        created: datetime | None = None,
        check: Callable[[Identity], None] = lambda _who: None,
    ) -> Kept:
        """Ask AWS whose key it is, keep it, and write down that it is; the key is dropped at the end.

        Args:
            key: the key.
            store: where to.
            fingerprint: of the PGP key that the store encrypts to, or "".
            csv: the file it came from, which is about as old as the key, or "".
            created: when AWS made it, where that is known; AWS is asked anyway.
            check: raises for a wrong owner, before anything is kept.

        Raises:
            OnboardError: it does not work, is another one's, or could not be kept; nothing is changed.
        """
        clients, cancelled = clients_for(self.context.world, self.region), self.context.cancelled
        report_progress(Progress("Asking AWS whose key this is"))
        try:
            who = usable_identity(key, clients, cancelled)
            check(who)
            owner = self.owner(who, fingerprint)
            serial = code_device(devices_of_new_key(key, clients, cancelled))
            created = (
                created_at(key, clients) or created or (_written(csv, self.context.world) if csv else None)
            )
            more = keep_recorded(store, key, owner, self.context.world, mfa_serial=serial, created=created)
        finally:
            key.drop()
        return Kept(serial, (f"{key.access_key_id} of {who.arn} is kept in {store.description}.", *more))


def profiles_in(paths: ProfilePaths) -> Mapping[str, Found]:
    """The profiles that are in `config` now.

    Raises:
        OnboardError: it cannot be read.
    """
    if not is_there(paths.config):
        return {}
    return profile_sections(read_text(paths.config, MAX_BYTES), "profile ", str(paths.config))


def _own_fingerprint(wanted: str, context: Context) -> str:
    keys = [key for key in own_keys(context, report_progress) if key.accepted]
    if wanted != "own":
        bare = wanted.replace(" ", "").upper()
        keys = [key for key in keys if key.fingerprint.endswith(bare)]
    if len(keys) == 1:
        return keys[0].fingerprint
    if keys:
        raise OnboardError(
            "Which PGP key?",
            f"You can use {len(keys)} of your own keys.",
            next="\n  ".join(["Name one: --pgp-file FINGERPRINT", *(key.fingerprint for key in keys)]),
        )
    raise OnboardError(
        "No PGP key of your own",
        "None of your own keys can be used for this.",
        next="Make one in the wizard's step “PGP key”. Or keep the key in plain text: --credentials-file.",
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
            raise OnboardError("Not an access key", problem.message, next="Check it, then try again.")
    if token is not None:
        raise OnboardError(
            "A temporary key",
            f"{key_id} is a temporary key: it expires within hours or days.",
            next="In the console: Security credentials, Create access key, Download .csv file.",
        )
    return Credentials(key_id, secret)


def _written(csv: str, world: World) -> datetime:
    """The console offers the file only while it shows the new key, so the file is as old as the key."""
    return min(datetime.fromtimestamp(typed_path(csv).stat().st_mtime, UTC), world.now())


def typed_path(text: str) -> Path:
    """A path as it was typed, absolute."""
    return Path(text).expanduser().absolute()
