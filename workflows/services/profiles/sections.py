"""The sections of both files that profiles need: which options each has to have, and which it must not."""

from __future__ import annotations

from workflows.services.profiles.merge import Value, WantedSection
from workflows.services.profiles.plan import (
    AssumedRole,
    BaseProfile,
    KeyFromProcess,
    KeyInFile,
    WantedProfiles,
)

KEY_OPTIONS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")

# The SDKs look at these before an access key, or refuse a profile that has one beside `source_profile`.
_SSO_OPTIONS = ("sso_session", "sso_start_url", "sso_region", "sso_account_id", "sso_role_name")
_OTHER_SOURCES = ("credential_source", "web_identity_token_file", *_SSO_OPTIONS)


def config_sections(wanted: WantedProfiles) -> list[WantedSection]:
    """The sections of `config`: every profile has one."""
    return [*map(_base_section, wanted.bases), *map(_role_section, wanted.roles)]


def credentials_sections(wanted: WantedProfiles) -> list[WantedSection]:
    """The sections of `credentials`: of keys in plain text, and those that such a key is taken out of."""
    sections = []
    for base in wanted.bases:
        if isinstance(base.key, KeyInFile):
            values: dict[str, Value] = {
                "aws_access_key_id": base.key.access_key_id,
                "aws_secret_access_key": base.key.secret_access_key,
            }
            sections.append(WantedSection(base.name, values, ("aws_session_token",)))
        elif isinstance(base.key, KeyFromProcess):
            sections.append(WantedSection(base.name, {}, KEY_OPTIONS, create=False))
    return sections


def _base_section(base: BaseProfile) -> WantedSection:
    given: dict[str, Value] = {"region": base.region, "output": "json"}
    values: dict[str, Value] = {} if base.only_missing else given
    absent: tuple[str, ...] = ()
    if base.key is not None:
        absent = (*KEY_OPTIONS, "role_arn", "source_profile", *_OTHER_SOURCES)
    if isinstance(base.key, KeyFromProcess):
        values["credential_process"] = base.key.command
    elif isinstance(base.key, KeyInFile):
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
