"""The access key that `profiles write` is given, or moves from one store to another."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from tui.cli.key_input import Kept, asked_store, given_key, keep_proved
from tui.cli.profiles_wish import Wish
from workflows.core.errors import OnboardError
from workflows.services.clients import Credentials
from workflows.services.key_records import KeyRecord, KeyRecords
from workflows.services.key_store import KEPT_IN_FILE
from workflows.services.sts import Identity
from workflows.steps.base import Context
from workflows.steps.kept_keys import adopted
from workflows.steps.rotation import store_of

_NOTHING = Kept(None, ())


def names_a_store(options: argparse.Namespace) -> bool:
    """Whether the command line says where a key is to be kept."""
    return bool(options.keyring or options.pgp_file or options.credentials_file)


def keep_key(options: argparse.Namespace, wish: Wish, context: Context) -> Kept:
    """Keep the key of `--access-keys`; without it, move the kept one to the store that is named.

    Raises:
        OnboardError: it is not this user's, does not work, or could not be kept; nothing is changed.
    """
    if options.access_keys:
        store, fingerprint = asked_store(options, context, wish.project, wish.base, wish.region)
        return keep_proved(
            store,
            given_key(options.access_keys),
            context,
            project=wish.project,
            profile=wish.base,
            region=wish.region,
            fingerprint=fingerprint,
            csv=options.access_keys,
            check=_owner_check(wish),
        )
    return _moved(options, wish, context) if names_a_store(options) else _NOTHING


def _moved(options: argparse.Namespace, wish: Wish, context: Context) -> Kept:
    world = context.world
    store, fingerprint = asked_store(options, context, wish.project, wish.base, wish.region)
    record = KeyRecords(world.key_records_folder).get(wish.project, wish.base) or adopted(
        world, wish.project, wish.base, wish.region, context.cancelled
    )
    if record.kept == store.kind and record.backend == store.backend:
        return _NOTHING
    if record.rotation is not None:
        raise OnboardError(
            "A rotation is not over",
            f"The rotation of the access key of {wish.base} is not over, so the key stays where it is.",
            next="Finish it first: `iam-onboard access-key rotate --finish`.",
        )
    kept = keep_proved(
        store,
        _loaded(record, context),
        context,
        project=wish.project,
        profile=wish.base,
        region=wish.region,
        fingerprint=fingerprint,
        created=record.created,
        check=_owner_check(wish),
    )
    if record.kept != KEPT_IN_FILE:
        return kept
    left = (
        "Backups of `credentials` beside it may still hold the key in plain text: delete them, or rotate it."
    )
    return Kept(kept.mfa_serial, (*kept.told, left))


def _loaded(record: KeyRecord, context: Context) -> Credentials:
    store = store_of(record, context.world)
    key = store.load()
    if key is None:
        raise OnboardError(
            "No access key here",
            f"The access key of {record.profile} is no longer in {store.description}.",
            next="Give it: `--access-keys CSV`.",
        )
    return key


def _owner_check(wish: Wish) -> Callable[[Identity], None]:
    """Refuses a key of another account, or of another user than the handoff is for."""
    owner = wish.owner

    def check(who: Identity) -> None:
        same_user = not owner.user or (who.user_name or "").casefold() == owner.user.casefold()
        if who.account == owner.account_id and same_user:
            return
        user = f"the user {owner.user}" if owner.user else "a user"
        raise OnboardError(
            "Another one's access key",
            f"This key belongs to {who.arn}.",
            why=f"Needed is a key of {user} in the account {owner.account_name} ({owner.account_id}).",
            next="In the console, look at the top right who is signed in and where; make the key there.",
        )

    return check
