"""What a person types or opens after the wizard: `export` lines for their shell, links that switch role.

Each is quoted for its shell, since a home folder or a project may have a blank or a quote in its name.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from types import MappingProxyType
from urllib.parse import urlencode

from workflows.core.errors import OnboardError

SIGN_IN_DOMAINS = {
    "aws": "signin.aws.amazon.com",
    "aws-us-gov": "signin.amazonaws-us-gov.com",
    "aws-cn": "signin.amazonaws.cn",
}
"""The console's sign-in domain by partition (IAM User Guide and the guides of GovCloud and China)."""

_NOTHING_MORE: Mapping[str, str] = MappingProxyType({})


class Shell(Enum):
    """The shells that lines are written for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def shell_of(program: str) -> Shell:
    """The shell that a `SHELL` variable names; `BASH`, whose lines every POSIX shell takes, for any other."""
    name = PurePath(program).name
    return next((shell for shell in Shell if shell.value == name), Shell.BASH)


def export_lines(
    shell: Shell,
    config_file: PurePath,
    credentials_file: PurePath,
    profile: str,
    more: Mapping[str, str] = _NOTHING_MORE,
) -> tuple[str, ...]:
    """The three lines that make the aws command and every SDK use the project's files and this profile.

    Args:
        shell: which shell's form.
        config_file: goes to AWS_CONFIG_FILE.
        credentials_file: goes to AWS_SHARED_CREDENTIALS_FILE.
        profile: goes to AWS_PROFILE.
        more: variables that need a line besides.
    """
    values = {
        "AWS_CONFIG_FILE": str(config_file),
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials_file),
        "AWS_PROFILE": profile,
        **more,
    }
    if shell is Shell.FISH:
        return tuple(f"set -gx {name} {_fish_quote(value)}" for name, value in values.items())
    return tuple(f"export {name}={shlex.quote(value)}" for name, value in values.items())


def switch_role_url(account: str, role: str, display_name: str, partition: str = "aws") -> str:
    """The console's page that switches to a role, filled in.

    Args:
        account: the twelve digits or the alias.
        role: the role's name, with its path if it has one ("DevOps").
        display_name: what the console shows for it; it takes 64 characters.
        partition: as from `partition_of`.

    Raises:
        OnboardError: that partition's console address is not known.
    """
    host = SIGN_IN_DOMAINS.get(partition)
    if host is None:
        raise OnboardError(
            "No link to the console",
            f"The console's address in the partition {partition} is unknown here.",
            next=f"In the console choose Switch role, account {account}, role {role}.",
        )
    query = urlencode({"account": account, "roleName": role, "displayName": display_name[:64]}, safe="/")
    return f"https://{host}/switchrole?{query}"


def _fish_quote(value: str) -> str:
    """Fish knows only two escapes inside single quotes: the backslash and the quote."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
