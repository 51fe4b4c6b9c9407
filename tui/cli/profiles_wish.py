"""What `profiles` is asked for: whose profiles, in which files, with which key, device and region."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tui.cli.project_named import Named, session_handoff
from tui.places import Machine
from workflows.core.errors import OnboardError
from workflows.core.files import read_text
from workflows.core.sentences import joined
from workflows.services.credential_command import credential_command
from workflows.services.key_records import KeyRecords
from workflows.services.key_store import KEPT_IN_FILE
from workflows.services.profiles.plan import (
    BaseProfile,
    KeyFromProcess,
    KeySource,
    WantedProfiles,
    base_name,
    profiles_for,
)
from workflows.services.profiles.reading import Found, profile_sections
from workflows.services.profiles.record import Record, read_record
from workflows.services.profiles.write import MAX_BYTES, ProfilePaths, profile_paths
from workflows.steps.profile_source import ProfileOwner, owner_by_convention, owner_of_handoff


@dataclass(frozen=True)
class Wish:
    """What is to be written.

    Attributes:
        project: the project's short name.
        owner: whose profiles.
        paths: the two files.
        region: of the profiles.
        mfa_serial: of the person's code device, or "".
        mfa_names: whether every role profile gets a `-mfa` twin.
    """

    project: str
    owner: ProfileOwner
    paths: ProfilePaths
    region: str
    mfa_serial: str
    mfa_names: bool

    @property
    def base(self) -> str:
        """The name of the base profile."""
        return base_name(self.project, self.owner.account_name)

    def profiles(self, key: KeySource) -> WantedProfiles:
        """The profiles, the base profile with this key.

        Raises:
            OnboardError: a region, a serial or a name cannot be used.
        """
        base = BaseProfile(self.base, self.region, key, self.mfa_serial or None)
        wanted = profiles_for(
            base, self.owner.profiles, partition=self.owner.partition, mfa_names=self.mfa_names
        )
        if problems := wanted.problems():
            raise OnboardError(
                "These profiles cannot be written",
                joined(problem.message for problem in problems),
                next="Correct it, then try again. Nothing was written.",
            )
        return wanted


def read_wish(machine: Machine, named: Named, options: argparse.Namespace) -> Wish:
    """The wish of a command: from the handoff of a session, else from the accounts in the checkout.

    Raises:
        OnboardError: neither is there, or it does not know the account.
    """
    owner = _owner(machine, named, options.account)
    paths = profile_paths(machine.home, named.name)
    base = base_name(named.name, options.account)
    sections = _sections_of(paths)
    record = read_record(paths.record).settled(sections)
    there = sections[base].options if base in sections else {}
    region = options.region or record.get(base, {}).get("region") or owner.region
    serial = there.get("mfa_serial", "") if options.mfa_serial is None else options.mfa_serial
    asked_for = owner.mfa_names or (named.checkout is not None and named.checkout.mfa_enabled)
    return Wish(
        named.name,
        owner,
        paths,
        region,
        serial,
        options.mfa_names or asked_for or _has_twins(record, base),
    )


def kept_source(machine: Machine, wish: Wish) -> KeySource:
    """Where the base profile finds the key that is kept; None leaves what the files say.

    Raises:
        OnboardError: the record of the key cannot be read.
    """
    record = KeyRecords(machine.places.key_records).get(wish.project, wish.base)
    return None if record is None or record.kept == KEPT_IN_FILE else process_source(machine, wish)


def process_source(machine: Machine, wish: Wish) -> KeyFromProcess:
    """This very program, as the base profile's `credential_process`."""
    command = credential_command(
        wish.project,
        wish.base,
        interpreter=Path(sys.executable),
        search_path=machine.environment.get("PATH", ""),
    )
    return KeyFromProcess(command)


def _owner(machine: Machine, named: Named, account: str) -> ProfileOwner:
    handoff = session_handoff(machine, named.name)
    if handoff is not None:
        return owner_of_handoff(handoff, account)
    if named.checkout is not None:
        return owner_by_convention(named.checkout, account)
    raise OnboardError(
        "No roles are known",
        f"No session has a handoff for {named.name}, and this is no checkout of it.",
        next="Join with your admin's handoff (`iam-onboard join FILE`), or give the checkout's folder.",
    )


def _sections_of(paths: ProfilePaths) -> Mapping[str, Found]:
    """The profiles that are in `config` now."""
    if not paths.config.exists():
        return {}
    return profile_sections(read_text(paths.config, MAX_BYTES), "profile ", str(paths.config))


def _has_twins(record: Record, base: str) -> bool:
    """Whether `-mfa` names were written before: a person who chose them keeps them."""
    mine = [name for name, options in record.items() if options.get("source_profile") == base]
    return any(f"{name}-mfa" in mine for name in mine)
