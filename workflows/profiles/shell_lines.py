"""What a person types or opens after the wizard: `export` lines for the shell, links to switch roles.

Lines are quoted for their shell, since a home folder or a project may have a blank or a quote in its name.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from types import MappingProxyType
from urllib.parse import urlencode

from workflows.core.sentences import OnboardError

SIGN_IN_DOMAINS = {
    "aws": "signin.aws.amazon.com",
    "aws-us-gov": "signin.amazonaws-us-gov.com",
    "aws-cn": "signin.amazonaws.cn",
}
"""The console's sign-in domain by partition (IAM User Guide and the guides of GovCloud and China)."""

_NOTHING_MORE: Mapping[str, str] = MappingProxyType({})
_PLAIN = re.compile(r"[\w./-]+", re.ASCII)
"""A path that needs no escapes within double quotes in any shell."""


class Shell(Enum):
    """The supported shells."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def shell_of(program: str) -> Shell:
    """Return the shell in a `SHELL` variable, or `BASH`, whose lines every POSIX shell accepts."""
    return next((shell for shell in Shell if shell.value == PurePath(program).name), Shell.BASH)


def export_lines(
    shell: Shell,
    config_file: PurePath,
    credentials_file: PurePath,
    profile: str,
    more: Mapping[str, str] = _NOTHING_MORE,
    home: PurePath | None = None,
) -> tuple[str, ...]:
    """Return the lines that make the aws command and every SDK use the project's files and this profile.

    Args:
        config_file: the value for AWS_CONFIG_FILE.
        credentials_file: the value for AWS_SHARED_CREDENTIALS_FILE.
        profile: the value for AWS_PROFILE.
        more: further variables.
        home: the shell's `$HOME`, which shortens paths inside it for typing.
    """
    values = {
        "AWS_CONFIG_FILE": str(config_file),
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials_file),
        "AWS_PROFILE": profile,
        **more,
    }
    quote = _fish_quote if shell is Shell.FISH else shlex.quote
    quoted = {name: _below(home, value) or quote(value) for name, value in values.items()}
    if shell is Shell.FISH:
        return tuple(f"set -gx {name} {value}" for name, value in quoted.items())
    return tuple(f"export {name}={value}" for name, value in quoted.items())


def _below(home: PurePath | None, value: str) -> str:
    """Return a path relative to `$HOME`; "" for any other value, or if the path needs quotes."""
    if home is None or not PurePath(value).is_relative_to(home):
        return ""
    way = str(PurePath(value).relative_to(home))
    return f'"$HOME/{way}"' if _PLAIN.fullmatch(way) else ""


def switch_role_url(account: str, role: str, display_name: str, partition: str = "aws") -> str:
    """Return the URL of the console's page for switching to a role, filled in.

    Args:
        account: the 12-digit id or the alias.
        role: the role's name, with its path if it has one ("DevOps").
        display_name: the role's name in the console, at most 64 characters.
        partition: as from `partition_of`.

    Raises:
        OnboardError: the partition's console address is unknown.
    """
    host = SIGN_IN_DOMAINS.get(partition)
    if host is None:
        raise OnboardError(
            "No link to the console",
            f"iam-onboard doesn't know the console's address in the partition {partition}.",
            next=f"In the console choose Switch role, account {account}, role {role}.",
        )
    query = urlencode({"account": account, "roleName": role, "displayName": display_name[:64]}, safe="/")
    return f"https://{host}/switchrole?{query}"


def _fish_quote(value: str) -> str:
    """Quote for fish, which has only two escapes inside single quotes: the backslash and the quote."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
