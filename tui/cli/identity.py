"""An identity without a session: the input of the new user's steps from `access-key` and `profiles`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from typing import Any

from tui.cli import asking
from tui.cli.context import own_context, own_key, refuse_problems
from tui.cli.lookup import Named, named_project, session_handoff
from tui.host import Machine
from workflows.core.files import expanded
from workflows.core.sentences import OnboardError
from workflows.messages.handoff import Handoff, Identity
from workflows.profiles.plan import KeySource, WantedProfiles, base_name
from workflows.profiles.record import Record, read_record
from workflows.profiles.write import Prepared, ProfilePaths, prepare, profile_paths, sections_in
from workflows.steps.new_user import profiles
from workflows.steps.new_user.access_keys import CONSOLE, TYPED, Request
from workflows.steps.shared import role_profiles
from workflows.steps.shared.module import Context
from workflows.steps.shared.own_access_key import CREDENTIALS_FILE, PGP_FILE, VAULT, store_for
from workflows.steps.shared.own_identity import identity_of, paths_of
from workflows.stores.key_records import KeyRecords
from workflows.stores.vault import VaultLocked, VaultUnavailable


def identity_context(machine: Machine, project: str, identity: Identity, base: str) -> Context:
    """Return the context of an identity for the new user's steps.

    Args:
        machine: the user's machine.
        project: the project's short name.
        identity: as far as known: its user and its account's id may be "".
        base: the name of its base profile.

    Raises:
        OnboardError: the record of the kept key can't be read.
    """
    record = KeyRecords(machine.places.key_records).get(project, base)
    facts = {
        "handoff": Handoff(project, (identity,)),
        "base_profile": base,
        "fingerprint": record.fingerprint if record else "",
        "access_key": {"kept": record.kept} if record else {},
    }
    return replace(own_context(machine, facts), item=identity.account_name)


@dataclass(frozen=True)
class Wish:
    """The profiles wanted for an identity.

    Attributes:
        project: the project's short name.
        identity: the identity; its user is "" if it is by convention.
        context: of the identity.
        request: of the step Profiles.
    """

    project: str
    identity: Identity
    context: Context
    request: profiles.Request

    @property
    def paths(self) -> ProfilePaths:
        return paths_of(self.context)

    @property
    def wanted(self) -> WantedProfiles:
        """The profiles to write into them."""
        return profiles.wanted(self.request, self.context)

    @property
    def source(self) -> str:
        """The source of the roles, as a phrase."""
        user = self.identity.user
        return f"the handoff for {user}" if user else "`accounts` in the project's common variables"

    def prepared(self, key: KeySource = None) -> Prepared:
        """Return what writing would change; `key` is one that isn't kept yet."""
        wanted = self.wanted
        keyed = wanted if key is None else replace(wanted, bases=(replace(wanted.bases[0], key=key),))
        return prepare(self.paths, keyed, self.request.decided)

    def knowing(self, **facts: object) -> Wish:
        """Return the wish with other facts."""
        return replace(self, context=replace(self.context, facts={**self.context.facts, **facts}))

    def asking(self, **changes: Any) -> Wish:
        """Return the wish with another request."""
        return replace(self, request=replace(self.request, **changes))


def wish(machine: Machine, options: argparse.Namespace) -> Wish:
    """Return a command's profiles, from the handoff of a session, else from the checkout's accounts.

    Raises:
        OnboardError: both are missing, the account is unknown, or a value can't be used.
    """
    named = named_project(machine, options.project)
    identity = _identity(machine, named, options.account)
    base = base_name(named.name, identity.account_name)
    paths = profile_paths(machine.home, named.name)
    sections = sections_in(paths.config, "profile ", str(paths.config))
    record = read_record(paths.record).settled(sections)
    present = sections[base].options if base in sections else {}
    region = options.region or record.get(base, {}).get("region") or identity.region
    serial = present.get("mfa_serial", "") if options.mfa_serial is None else options.mfa_serial
    asks_for_twins = identity.mfa_names or (named.checkout is not None and named.checkout.mfa_enabled)
    twins = options.mfa_names or asks_for_twins or _has_twins(record, base)
    identity = replace(identity, region=region)
    context = identity_context(machine, named.name, identity, base)
    request = profiles.Request(region, serial, twins)
    refuse_problems(profiles, request, context)
    return Wish(named.name, identity, context, request)


def _identity(machine: Machine, named: Named, account: str) -> Identity:
    if (handoff := session_handoff(machine, named.name)) is not None:
        return role_profiles.identity_in(handoff, account)
    if named.checkout is not None:
        return role_profiles.usual_identity(named.checkout, account)
    raise OnboardError(
        "The roles are unknown",
        f"No session has a handoff for {named.name}, and this folder isn't in its checkout.",
        next="Join with your admin's handoff (`iam-onboard join FILE`), or name the checkout's folder.",
    )


def _has_twins(record: Record, base: str) -> bool:
    """Return whether `-mfa` names were written before: a user who chose them keeps them."""
    mine = [name for name, options in record.items() if options.get("source_profile") == base]
    return any(f"{name}-mfa" in mine for name in mine)


def with_store(options: argparse.Namespace, context: Context) -> tuple[str, Context]:
    """Return the requested store, as a `StoreOption.choice`, and the context with the PGP key it needs.

    Args:
        options: `keyring`, `pgp_file` and `credentials_file`; without any, the best store here.
        context: of the key's identity.

    Raises:
        OnboardError: it can't be used now.
    """
    choice = CREDENTIALS_FILE if options.credentials_file else PGP_FILE
    if not (options.credentials_file or options.pgp_file):
        try:
            context.environment.vault("")
            choice = VAULT
        except VaultLocked:
            raise  # it exists: the user unlocks it, or names another place
        except VaultUnavailable:
            if options.keyring:
                raise
    if choice == PGP_FILE:
        wanted = "" if options.pgp_file == "own" else options.pgp_file
        otherwise = (
            "Make one in the wizard's step “PGP key”. Or keep the key in plain text: --credentials-file."
        )
        key = own_key(context, wanted, "--pgp-file", otherwise)
        context = replace(context, facts={**context.facts, "fingerprint": key.fingerprint})
    store_for(choice, context, identity_of(context))  # fails before a secret is typed
    return choice, context


def typed_path(text: str) -> str:
    """Return a typed path as an absolute one; "" for none."""
    return str(expanded(text).absolute()) if text else ""


def given_key(csv: str, kept: str, *, delete: bool = False) -> Request:
    """Return the request to keep a key from a file, or one typed now."""
    if csv:
        return Request(kept, CONSOLE, path=typed_path(csv), delete_file=delete)
    key_id = asking.ask("Access key id: ").strip()
    return Request(kept, TYPED, key_id=key_id, secret=asking.ask_secret("Secret access key: "))
