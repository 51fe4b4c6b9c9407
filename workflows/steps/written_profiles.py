"""The profiles that the step before wrote, of every identity, for whoever works with all of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workflows.services.clients import ProfileFiles
from workflows.steps.base import Context


def written_profiles(context: Context) -> dict[str, Mapping[str, Any]]:
    """The facts `profiles` of all identities that have them, by account; skipped ones are not in it."""
    accounts = context.facts.get("identities") or ()
    found = {account: context.every.get(f"profiles@{account}") for account in accounts}
    return {account: recorded for account, recorded in found.items() if recorded}


def profile_files(recorded: Mapping[str, Any]) -> ProfileFiles:
    """The two files that a fact `profiles` names."""
    return ProfileFiles(Path(recorded["config"]), Path(recorded["credentials"]))
