"""What the roles of a layer's profiles gave, kept in the keyring until it ends: a code is good only once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from workflows.layer.project import Project
from workflows.services.clients import Credentials
from workflows.services.kept_credentials import keep_credentials, kept_credentials
from workflows.services.vault import Vault, VaultUnavailable
from workflows.steps.base import Context, Progress, Report
from workflows.steps.terraform_profiles import LayerProfile

USUAL_SESSION = timedelta(hours=1)
"""How long a role is taken on for where its profile does not say."""

_MOST = 0.75
"""The part of a role's time that can be asked to be left; more would ask for a code over and over."""


def keyring_of(context: Context) -> Vault | None:
    """Where temporary credentials are kept until they expire; without a keyring a code is asked for again."""
    try:
        return context.world.vault("").vault
    except VaultUnavailable:
        return None


def kept_role(context: Context, project: Project, one: LayerProfile, rest: timedelta) -> Credentials | None:
    """What a profile's role gave before, if it lasts for a while.

    More rest than a fresh session has could never be had, so no more than a part of that is asked for.
    """
    lasts = timedelta(seconds=float(one.settings.get("duration_seconds") or USUAL_SESSION.total_seconds()))
    name = _vault_name(project, one.name)
    try:
        return kept_credentials(keyring_of(context), name, context.world.now(), min(rest, lasts * _MOST))
    except VaultUnavailable:
        return None  # a keyring that cannot be read is as good as none: a code is asked for


def keep_roles(context: Context, project: Project, new: Mapping[str, Credentials], report: Report) -> None:
    """Keep new credentials; a code was given for them, so a keyring that fails now stops nothing."""
    vault = keyring_of(context)
    if vault is None:
        return
    try:
        for name, credentials in new.items():
            keep_credentials(vault, _vault_name(project, name), credentials)
    except VaultUnavailable as error:
        report(Progress(f"The session is not kept, so the next step asks for a code again: {error.what}"))


def forget_role(context: Context, project: Project, profile: str) -> None:
    """Forget what a profile's role gave.

    Raises:
        VaultUnavailable: the keyring does not let it be deleted.
    """
    vault = keyring_of(context)
    if vault is not None:
        vault.delete(_vault_name(project, profile))


def _vault_name(project: Project, profile: str) -> str:
    return f"{project.name}/terraform/{profile}"
