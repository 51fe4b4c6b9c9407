"""Where an access key is kept: the available keyrings and vaults, or plain text as in AWS's own tools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workflows.core.errors import OnboardError
from workflows.core.sentences import Sentence, joined
from workflows.environment import Environment
from workflows.machine.observations import AGREES, Observation, Verdict, unknown
from workflows.messages.handoff import Identity
from workflows.profiles.plan import BaseProfile, WantedProfiles
from workflows.profiles.write import prepare, profile_paths, sections_in
from workflows.steps.shared.module import Context
from workflows.steps.shared.own_identity import base_profile_of, fingerprint_of, paths_of, project_of
from workflows.stores.access_key_vault import keeps_access_key
from workflows.stores.key_store import KEPT_IN_FILE, KEPT_IN_KEYRING, FileStore, KeyStore, VaultStore
from workflows.stores.system_keyring import KeyringVault
from workflows.stores.vault import PgpFileVault, Vault, VaultLocked, VaultUnavailable

VAULT, CREDENTIALS_FILE = "vault", "credentials-file"
"""The user's choices: the best vault, or plain text; `PGP_FILE` or a keyring's class for other vaults."""
PGP_FILE = "pgp-file"


@dataclass(frozen=True)
class StoreOption:
    """A store to choose.

    Attributes:
        choice: `VAULT` for the best one, `PGP_FILE`, the class of a keyring, or `CREDENTIALS_FILE`.
        words: its label.
        passed_over: why a better store isn't offered, or "".
        locked: whether the better store is only locked, so that looking again may help.
    """

    choice: str
    words: Sentence
    passed_over: Sentence = ""
    locked: bool = False


def store_options(context: Context, identity: Identity) -> tuple[StoreOption, ...]:
    """Return the stores that can be used here, the best first, and why a better one isn't offered."""
    words = f"in plain text in {context.environment.readable(paths_of(context).credentials)}"
    try:
        chosen = context.environment.vault(fingerprint_of(context, identity))
    except VaultUnavailable as error:
        return (StoreOption(CREDENTIALS_FILE, words, error.what, isinstance(error, VaultLocked)),)
    refused = chosen.passed_over
    first = StoreOption(
        VAULT,
        chosen.vault.description,
        refused.what if refused else "",
        isinstance(refused, VaultLocked),
    )
    alternatives = (StoreOption(_choice(vault), vault.description) for vault in chosen.others)
    return (first, *alternatives, StoreOption(CREDENTIALS_FILE, words))


def usable_vaults(environment: Environment, fingerprint: str) -> tuple[Vault, ...]:
    """Return every usable vault, the best first.

    Args:
        environment: the user's environment.
        fingerprint: of the user's own PGP key, or "".
    """
    try:
        return environment.vault(fingerprint).all
    except VaultUnavailable:
        return ()


def is_store_choice(choice: str) -> bool:
    """Return whether a text can be a `StoreOption.choice`."""
    return choice in {VAULT, PGP_FILE, CREDENTIALS_FILE} or "." in choice


def store_for(choice: str, context: Context, identity: Identity) -> KeyStore:
    """Return the chosen store, after checking that it can be used.

    Raises:
        OnboardError: it can't.
    """
    return opened_store(
        choice,
        context.environment,
        project_of(context),
        base_profile_of(context, identity),
        identity.region,
        fingerprint_of(context, identity),
    )


def opened_store(
    choice: str, environment: Environment, project: str, profile: str, region: str, fingerprint: str
) -> KeyStore:
    """Return the chosen store for the key of a profile, after checking that it can be used.

    Args:
        choice: as in `StoreOption`.
        environment: the user's environment.
        project: the project's short name.
        profile: the base profile.
        region: its region.
        fingerprint: of the user's own PGP key, or "".

    Raises:
        OnboardError: it can't be used, or isn't here.
    """
    if choice == CREDENTIALS_FILE:
        paths = profile_paths(environment.home, project)
        prepare(paths, WantedProfiles((BaseProfile(profile, region),), ()))  # raises if a file isn't readable
        return FileStore(paths, profile, region, environment.now, environment.readable(paths.credentials))
    vaults = environment.vault(fingerprint)
    if choice == VAULT:
        return VaultStore(vaults.vault, project, profile)
    for vault in vaults.all:
        if _choice(vault) == choice:
            return VaultStore(vault, project, profile)
    if vaults.passed_over is not None:
        raise vaults.passed_over
    raise VaultUnavailable(
        "This computer doesn't have that store",
        f"It only has {joined((vault.description for vault in vaults.all), ', ')}.",
        next="Choose another place for the key.",
    )


def _choice(vault: Vault) -> str:
    if isinstance(vault, PgpFileVault):
        return PGP_FILE
    return vault.backend_class if isinstance(vault, KeyringVault) else VAULT


def observe_store(context: Context, identity: Identity, recorded: Mapping[str, Any]) -> Observation:
    """Check whether a kept key is where it was put. Nothing is decrypted.

    Args:
        context: of the step.
        identity: the key's owner.
        recorded: the fact `access_key`.

    Raises:
        VaultUnavailable: it is unknown whether the key is there.
    """
    base = base_profile_of(context, identity)
    if recorded["kept"] == KEPT_IN_FILE:
        path = paths_of(context).credentials
        name = context.environment.readable(path)
        try:
            section = sections_in(path, "", name).get(base)
        except OnboardError as error:
            return Observation(Verdict.CHANGED, error.what)
        if section is not None and section.options.get("aws_access_key_id") == recorded["id"]:
            return AGREES
        return Observation(Verdict.CHANGED, f"{name} no longer has the key {recorded['id']}.")
    vaults = context.environment.vault(fingerprint_of(context, identity))
    if any(keeps_access_key(vault, project_of(context), base) for vault in vaults.all):
        return AGREES
    if recorded["kept"] == KEPT_IN_KEYRING and vaults.passed_over is not None:
        return unknown(vaults.passed_over.what)  # the key may be in there
    return Observation(Verdict.CHANGED, f"The access key is no longer in {vaults.vault.description}.")
