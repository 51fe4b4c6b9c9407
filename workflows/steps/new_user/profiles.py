"""Profiles: the project's own pair of AWS files, shown as a diff before a byte is written."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workflows.core.files import made_private
from workflows.core.sentences import OnboardError, Problem, Sentence, count, listed
from workflows.machine.events import AGREES, NOT_ASKED, Facts, Observation, StepKey, Verdict
from workflows.messages.handoff import Identity
from workflows.profiles.merge import Found
from workflows.profiles.plan import (
    BaseProfile,
    KeyFromProcess,
    KeySource,
    WantedProfiles,
    credential_command,
    profiles_for,
    region_problems,
    role_arn,
)
from workflows.profiles.record import FILE_NAME, HandChange, Stale, changed_options, read_record
from workflows.profiles.write import Decisions, Written, prepare, preview, sections_in, write_profiles
from workflows.steps.shared.module import Context, Progress, Report
from workflows.steps.shared.own_access_key import device_is_newer, known_device
from workflows.steps.shared.own_identity import base_profile_of, identity_of, paths_of, project_of
from workflows.stores.key_records import KeyRecords
from workflows.stores.key_store import KEPT_IN_FILE


@dataclass(frozen=True)
class Request:
    """The user's choices.

    Attributes:
        region: the profiles' region.
        mfa_serial: of their code device, or "".
        mfa_names: whether every role profile gets a `-mfa` twin for Leverage CLI 3.1.
        asked: the manually changed profiles that the user was asked about, as `survey` found them.
        overwrite: which of them to overwrite; the others stay as they are.
        prune: which of the unwanted profiles to remove.
        shown: the files as `survey` found them, to be written only if they still are so; "" for any.
    """

    region: str
    mfa_serial: str = ""
    mfa_names: bool = False
    asked: tuple[str, ...] = field(default=(), compare=False)
    overwrite: tuple[str, ...] = ()
    prune: tuple[str, ...] = ()
    shown: str = field(default="", compare=False)

    @property
    def decided(self) -> Decisions:
        """The choices as input for writing."""
        return Decisions(overwrite=self.overwrite, prune=self.prune)


@dataclass(frozen=True)
class Preview:
    """What writing would do.

    Attributes:
        diff: both files, unified, secrets masked; "" if nothing changes.
        names: all profiles, the base profile first.
        remarks: what the user should know, one sentence each.
        written: the new profiles, and those that change.
        removed: the profiles that go.
        by_hand: manually changed profiles: overwrite them or not?
        stale: profiles that this program wrote and the handoff no longer names: remove them or not?
        rejected: profiles that AWS didn't let the user use when they were last tested.
        problems: why the input prevents writing.
        found: a digest of the files, for `Request.shown`.
    """

    diff: str
    names: tuple[str, ...]
    remarks: tuple[Sentence, ...]
    written: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    by_hand: tuple[HandChange, ...] = ()
    stale: tuple[Stale, ...] = ()
    rejected: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    found: str = ""


def proposal(context: Context) -> Request:
    """Propose what was written earlier, else what the handoff and AWS said.

    A device that was entered by hand stays proposed until another one becomes known.
    """
    identity = identity_of(context)
    written: Mapping[str, Any] = context.facts.get("profiles") or {}
    device = _device(context)
    return Request(
        region=str(written.get("region") or identity.region),
        mfa_serial=(written.get("mfa_serial") if written.get("known_serial") == device else "") or device,
        mfa_names=bool(written.get("mfa_names", identity.mfa_names)),
    )


def _device(context: Context) -> str:
    return known_device(context) or _unconfirmed_serial(context)


def _unconfirmed_serial(context: Context) -> str:
    """Return the serial of a device registered in the console, if it has the name that MFA suggests.

    "" if AWS named the device or was asked with an access key, or if none was registered.
    """
    facts = context.facts
    asked = bool(facts.get("access_key")) and not device_is_newer(facts)
    if not facts.get("mfa") or known_device(context) or asked:
        return ""
    identity = identity_of(context)
    return f"arn:{identity.partition}:iam::{identity.account_id}:mfa/{identity.user}"


def wanted(request: Request, context: Context) -> WantedProfiles:
    """Return the base profile, and those of the roles that the handoff names.

    The admin's side took the roles from the state, so a handoff without roles means that there are none.
    """
    identity = identity_of(context)
    base = BaseProfile(
        base_profile_of(context, identity),
        request.region,
        _key_source(context, identity),
        request.mfa_serial or None,
    )
    roles = {
        profile.profile: role_arn(identity.partition, profile.account_id, profile.role)
        for profile in identity.profiles
    }
    return profiles_for(base, roles, mfa_names=request.mfa_names)


def _kept_in(context: Context) -> str:
    """Return the kind of store that holds the access key, even if the user skipped the step now; "" for none.

    Raises:
        OnboardError: the record of the access key can't be read.
    """
    if key := context.facts.get("access_key"):
        return str(key["kept"])
    base = base_profile_of(context, identity_of(context))
    record = KeyRecords(context.environment.key_records_folder).get(project_of(context), base)
    return record.kept if record else ""


def _key_source(context: Context, identity: Identity) -> KeySource:
    """Return where the base profile finds its key; None leaves the files as they are.

    The previous step wrote a plain-text key to `credentials`, so it is left alone here.
    """
    if _kept_in(context) in {"", KEPT_IN_FILE}:
        return None
    command = credential_command(
        project_of(context),
        base_profile_of(context, identity),
        interpreter=Path(sys.executable),
        search_path=context.environment.variables.get("PATH", ""),
    )
    return KeyFromProcess(command)


def survey(request: Request, context: Context, report: Report) -> Preview:
    """Return what writing would change; read both files and write nothing.

    Raises:
        OnboardError: a file can't be read, or the AWS tools would reject it (with the line).
    """
    report(Progress("Reading the profile files"))
    problems = tuple(problem for problem in validate(request, context) if problem.fatal)
    profiles = wanted(request, context)
    if problems:
        return Preview("", profiles.names, (), problems=problems)
    prepared = prepare(paths_of(context), profiles, request.decided)
    skipped = () if request.mfa_serial or "mfa" in context.facts else ("You skipped MFA.",)
    return Preview(
        preview(prepared),
        profiles.names,
        (*skipped, *remarks(request, context)),
        written=(*prepared.config.added, *prepared.updated),
        removed=prepared.config.removed,
        by_hand=prepared.by_hand,
        stale=prepared.stale,
        rejected=tuple(name for name in profiles.names if name in _rejected(context)),
        found=prepared.found,
    )


def _rejected(context: Context) -> frozenset[str]:
    """Return the profiles that AWS rejected in the last test, when it was finished or since."""
    results = (context.facts.get("verified") or {}).get("results", ())
    look = context.observed.get(StepKey("verify"), NOT_ASKED)
    since = look.about if look.contradicts else ()
    return frozenset((*since, *(result["profile"] for result in results if result.get("for_admin"))))


def remarks(request: Request, context: Context) -> tuple[Sentence, ...]:
    """Return what the user should know about the profiles to write, one sentence each."""
    identity, serial = identity_of(context), request.mfa_serial
    base = base_profile_of(context, identity)
    remarks = []
    if not identity.profiles:
        remarks.append("You can assume no roles from this account, so you get only your user's profile.")
        if serial:
            remarks.append(
                f"{base} uses no code. If AWS denies it something, ask your admin for a role there."
            )
    if not _kept_in(context):
        remarks.append(f"No access key was kept: {base} works only if ~/.aws has its key already.")
    if not serial:
        remarks.append("Without an MFA device's serial, you can't assume roles that need a code.")
    elif serial == _unconfirmed_serial(context):
        remarks.append("Compare the MFA device with the one in the console, under Security credentials.")
    return tuple(remarks)


def validate(request: Request, context: Context) -> list[Problem]:
    """Check that AWS has the region, the serial is well formed, and the names can be used.

    Leaving manually changed profiles alone is only a warning.
    """
    identity = identity_of(context)
    if not request.region:
        return [Problem(f"Enter a region, for example {identity.region}.", "region")]
    if problems := region_problems(request.region, identity.partition) or wanted(request, context).problems():
        return problems
    kept = [name for name in request.asked if name not in request.overwrite]
    by_hand = f"Changed by hand, and not overwritten: {', '.join(kept)}. Select what to overwrite."
    device = "" if request.mfa_serial else proposal(context).mfa_serial
    without = f"Without {device}, you have only what needs no code."
    return [
        *([Problem(without, "mfa_serial", fatal=False)] if device else []),
        *([Problem(by_hand, "questions", fatal=False)] if kept else []),
    ]


def write(request: Request, context: Context) -> Written:
    """Merge the profiles into both files: a backup first, then both or neither, private to the user.

    Raises:
        OnboardError: a file changed since it was shown, can't be read or written, or the AWS tools would
            reject it; both are as they were.
    """
    profiles, now = wanted(request, context), context.environment.now()
    return write_profiles(paths_of(context), profiles, now, request.decided, request.shown)


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Write the profiles as `write` does, and record them."""
    report(Progress("Writing both files"))
    paths, profiles, written = paths_of(context), wanted(request, context), write(request, context)
    readable = context.environment.readable
    new, where = [*written.added, *written.updated], readable(paths.config)
    done = f"Wrote {count(len(new), 'profile')} to {where}." if new else f"{where} was up to date."
    removed = f"Removed from {where}: {', '.join(written.removed)}."
    sentences = [
        *([done] if new or not written.removed else []),
        *([removed] if written.removed else []),
        *(made_private(readable(path)) for path in written.tightened),
        *(f"Backups: {readable(path)}." for path in written.backups),
        *([f"Changed by hand, left as they are: {', '.join(written.kept)}."] if written.kept else []),
    ]
    return {
        "profiles": {
            "names": list(profiles.names),
            "base": profiles.names[0],
            "config": str(paths.config),
            "credentials": str(paths.credentials),
            "region": request.region,
            "mfa_serial": request.mfa_serial,
            "known_serial": _device(context),
            "mfa_names": request.mfa_names,
            "left": list(written.kept),
            "told": sentences,
        }
    }


def observe(context: Context) -> Observation:
    """Check that the profiles are still in the files, as they were written."""
    recorded = context.facts["profiles"]
    path = Path(recorded["config"])
    name = context.environment.readable(path)
    try:
        found = sections_in(path, "profile ", name)
        record = read_record(path.with_name(FILE_NAME)).settled(found)
    except OnboardError as error:
        return Observation(Verdict.CHANGED, error.what)
    if missing := [profile for profile in recorded["names"] if profile not in found]:
        return Observation(Verdict.CHANGED, f"{name} no longer has {', '.join(missing)}.")
    changed = {
        profile: options
        for profile in recorded["names"]
        if profile not in recorded.get("left", ())
        and (options := changed_options(found[profile], record.get(profile, {})))
    }
    what = listed([f"{profile} ({', '.join(options)})" for profile, options in changed.items()], 2)
    by_hand = Observation(
        Verdict.CHANGED,
        f"Changed by hand in {name}: {what}.",
        tuple(changed),
        continuing="Leaves them as they are: this was intended.",
    )
    return by_hand if changed else _lacking_device(found, context)


def _lacking_device(found: Mapping[str, Found], context: Context) -> Observation:
    """Check that the role profiles name a device, if AWS has named one since they were written."""
    recorded, serial = context.facts["profiles"], known_device(context)
    lacking = [
        profile
        for profile in recorded["names"]
        if profile not in recorded.get("left", ())
        and "role_arn" in found[profile].options
        and not found[profile].options.get("mfa_serial")
    ]
    if not (serial and lacking):
        return AGREES
    return Observation(
        Verdict.CHANGED,
        f"Your MFA device {serial.rsplit('/', 1)[-1]} isn't in {listed(lacking, 2)}.",
        (serial,),
        redoing="Shows the profiles with it, to be written.",
        continuing="Leaves them without it, which works only for roles that need no code.",
    )
