"""The profiles that a person needs, one for the user and one for each role, and their sections."""

from __future__ import annotations

import re
import shlex
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from workflows.core.secret import Credentials
from workflows.core.sentences import OnboardError, Problem
from workflows.profiles.aws_data import botocore_alone
from workflows.profiles.merge import Value, WantedSection

# IAM API reference, SerialNumber: 9-256 of [\w+=/:,.@-]. A virtual device has an ARN; hardware devices have
# capitals and digits.
_MFA_SERIAL = re.compile(
    r"(?=.{9,256}$)(arn:[a-z-]+:iam::[0-9]{12}:[a-z-]*mfa/[\w+=/,.@-]+|[A-Z0-9]+)", re.ASCII
)
_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,128}")
_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_PROGRAM = "iam-onboard"


@dataclass(frozen=True)
class KeyFromProcess:
    """A command in `config` that prints the access key; nothing in `credentials`.

    Attributes:
        command: the whole `credential_process` line, quoted where necessary.
    """

    command: str


KeySource = Credentials | KeyFromProcess | None
"""A base profile's key in plain text in `credentials`, as AWS's documentation has it, or a command that
prints it; None leaves the files' key unchanged."""


@dataclass(frozen=True)
class BaseProfile:
    """The profile of the IAM user itself.

    Attributes:
        name: for example "bb-security".
        region: its region.
        key: where its access key is.
        mfa_serial: the serial of the person's MFA device, or None.
        only_missing: whether to keep an existing region, output format and MFA device.
    """

    name: str
    region: str
    key: KeySource = None
    mfa_serial: str | None = None
    only_missing: bool = False


@dataclass(frozen=True)
class AssumedRole:
    """A profile that assumes a role.

    Attributes:
        name: for example "bb-apps-devstg-devops".
        role_arn: the role's ARN.
        source_profile: the base profile's name.
        region: its region.
        mfa_serial: the serial of the person's MFA device, or None.
    """

    name: str
    role_arn: str
    source_profile: str
    region: str
    mfa_serial: str | None = None


@dataclass(frozen=True)
class WantedProfiles:
    """The profiles that must be in the files."""

    bases: tuple[BaseProfile, ...]
    roles: tuple[AssumedRole, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All profile names, bases first."""
        return tuple(profile.name for profile in self._all)

    @property
    def _all(self) -> tuple[BaseProfile | AssumedRole, ...]:
        return (*self.bases, *self.roles)

    def problems(self) -> list[Problem]:
        """Return what is wrong with them. The first call loads botocore's regions, which takes some 50 ms."""
        times = Counter(self.names)
        commands = [
            (base.name, base.key.command) for base in self.bases if isinstance(base.key, KeyFromProcess)
        ]
        bases = {(base.region, "") for base in self.bases}
        regions = bases | {(role.region, role.role_arn.split(":")[1]) for role in self.roles}
        found = (
            *(
                Problem(f"“{name}” isn't a profile name (letters, digits and + = , . @ _ -).", "name")
                for name in self.names
                if not _NAME.fullmatch(name)
            ),
            *(
                Problem(f"The profile {name} is there twice.", "name")
                for name in sorted(times)
                if times[name] > 1
            ),
            *(
                Problem(
                    f"“{profile.mfa_serial}” isn't an MFA device's ARN, or a hardware device's serial "
                    "number.",
                    "mfa_serial",
                )
                for profile in self._all
                if profile.mfa_serial is not None and not _MFA_SERIAL.fullmatch(profile.mfa_serial)
            ),
            *(
                Problem(f"The command for the key of {name} isn't one line of text.", "key")
                for name, command in commands
                if not (command.strip() and command.isprintable())
            ),
            *(
                problem
                for region, partition in sorted(regions)
                for problem in region_problems(region, partition or None)
            ),
        )
        return list({problem.message: problem for problem in found}.values())


def region_problems(region: str, partition: str | None = None) -> list[Problem]:
    """Return a problem unless botocore knows a region, in the given partition.

    Args:
        region: for example "us-gov-west-1".
        partition: the required partition, or None for any.
    """
    actual = partition_of_region(region)
    if not actual:
        return [Problem(f"AWS has no region “{region}”.", "region")]
    if partition is not None and actual != partition:
        return [Problem(f"The region {region} is in the partition {actual}, not in {partition}.", "region")]
    return []


def partition_of_region(region: str) -> str:
    """Return the partition of a region, from botocore; "" for an unknown region."""
    import botocore.exceptions  # noqa: PLC0415 - start-up time: only when profiles are written

    try:
        found: str = botocore_alone().get_partition_for_region(region)
    except botocore.exceptions.UnknownRegionError:
        return ""
    return found


def profiles_for(base: BaseProfile, roles: Mapping[str, str], *, mfa_names: bool = False) -> WantedProfiles:
    """Return a base profile, and one for each role with the same region and MFA device.

    Args:
        base: the profile of the IAM user.
        roles: the ARN of each role that the user may assume, by profile name.
        mfa_names: True adds to every role profile the `-mfa` twin that Leverage CLI 3.1 reads (if
            build.env has MFA_ENABLED=true).
    """
    named = {}
    for name, arn in roles.items():
        named[name] = arn
        if mfa_names and not name.endswith("-mfa"):
            named.setdefault(f"{name}-mfa", arn)
    assumed = (AssumedRole(name, arn, base.name, base.region, base.mfa_serial) for name, arn in named.items())
    return WantedProfiles((base,), tuple(assumed))


def base_name(project: str, account_name: str) -> str:
    """Return the name of an IAM user's profile: "bb-management", "bb-security"."""
    return f"{project}-{account_name}"


def role_arn(partition: str, account_id: str, role: str) -> str:
    """Return the ARN of a role.

    Raises:
        OnboardError: the account id is not twelve digits, or the role's name breaks IAM's rule.
    """
    if not _ACCOUNT_ID.fullmatch(account_id):
        raise OnboardError(
            "An account id doesn't have twelve digits",
            f"“{account_id}” isn't the id of an AWS account, which has twelve digits.",
            why="A digit is missing, or the value is something else.",
            next=(
                "Correct it in `accounts` of config/common.tfvars. The AWS console shows the id at the top "
                "right."
            ),
        )
    if not _NAME.fullmatch(role) or len(role) > 64:
        raise OnboardError(
            "Not a valid role name",
            f"“{role}” isn't a role name. Use up to 64 letters, digits and +=,.@_- characters.",
            next="Correct it in the layer's group policies, or ask the person who sent the handoff.",
        )
    return f"arn:{partition}:iam::{account_id}:role/{role}"


def credential_command(project: str, profile: str, *, interpreter: Path, search_path: str) -> str:
    """Return the whole `credential_process` line, quoted where necessary.

    It has the program's full path, since a desktop application that uses the profile has another PATH than
    the person's shell. The search starts beside the running Python (the current installation), then on the
    PATH; failing both, Python runs it as a module, with `-P`: otherwise Python would import a `tui` from the
    SDK's current folder.

    Args:
        project: the project's short name.
        profile: the base profile's name.
        interpreter: the running Python (`sys.executable`).
        search_path: the person's PATH.
    """
    beside = interpreter.parent / _PROGRAM
    found = str(beside) if beside.is_file() else shutil.which(_PROGRAM, path=search_path)
    program = [found] if found else [str(interpreter), "-P", "-m", "iam_onboard"]
    return shlex.join([*program, "credential-process", "--project", project, "--profile", profile])


KEY_OPTIONS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")

# The SDKs prefer these to an access key, or reject a profile that has one beside `source_profile`.
_OTHER_SOURCES = (
    *("credential_source", "web_identity_token_file"),
    *("sso_session", "sso_start_url", "sso_region", "sso_account_id", "sso_role_name"),
)


def config_sections(wanted: WantedProfiles) -> list[WantedSection]:
    """Return the sections of `config`, one for every profile."""
    return [*map(_base_section, wanted.bases), *map(_role_section, wanted.roles)]


def credentials_sections(wanted: WantedProfiles) -> Iterator[WantedSection]:
    """Yield the sections of `credentials`: those with a key in plain text, and those that must lose one."""
    for base in wanted.bases:
        if isinstance(base.key, Credentials):
            values: dict[str, Value] = {
                "aws_access_key_id": base.key.access_key_id,
                "aws_secret_access_key": base.key.secret_access_key,
            }
            yield WantedSection(base.name, values, ("aws_session_token",))
        elif isinstance(base.key, KeyFromProcess):
            yield WantedSection(base.name, {}, KEY_OPTIONS, create=False)


def _base_section(base: BaseProfile) -> WantedSection:
    given: dict[str, Value] = {"region": base.region, "output": "json"}
    values: dict[str, Value] = {} if base.only_missing else given
    absent: tuple[str, ...] = ()
    if base.key is not None:
        absent = (*KEY_OPTIONS, "role_arn", "source_profile", *_OTHER_SOURCES)
    if isinstance(base.key, KeyFromProcess):
        values["credential_process"] = base.key.command
    elif isinstance(base.key, Credentials):
        absent = ("credential_process", *absent)
    if not base.only_missing:
        return _with_mfa(base.name, values, absent, base.mfa_serial)
    device: dict[str, Value] = {"mfa_serial": base.mfa_serial} if base.mfa_serial else {}
    return WantedSection(base.name, values, absent, defaults={**given, **device})


def _role_section(role: AssumedRole) -> WantedSection:
    values: dict[str, Value] = {
        "role_arn": role.role_arn,
        "source_profile": role.source_profile,
        "region": role.region,
        "output": "json",
    }
    return _with_mfa(role.name, values, _OTHER_SOURCES, role.mfa_serial)


def _with_mfa(
    name: str, values: dict[str, Value], absent: tuple[str, ...], mfa_serial: str | None
) -> WantedSection:
    if mfa_serial is None:
        return WantedSection(name, values, (*absent, "mfa_serial"))
    return WantedSection(name, {**values, "mfa_serial": mfa_serial}, absent)
