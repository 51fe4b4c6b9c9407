"""The environment that the sandbox's people and their programs live in: built, not inherited."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workflows.core.processes import child_environment
from workflows.sandbox.layout import PROJECT

# What programs need to know of the terminal, the editor, the language and the way out; nothing of AWS or gpg.
_KEPT = (
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TERM",
    "COLORTERM",
    "NO_COLOR",
    "VISUAL",
    "EDITOR",
    "GPG_TTY",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)


@dataclass(frozen=True)
class Person:
    """One of the two people that a demo plays, with a machine of their own.

    Attributes:
        home: the home folder.
        gnupg_home: gpg's folder; its path is short enough for the agent's sockets.
        downloads: where the browser puts what it downloads.
        environment: for every program that this person starts.
    """

    home: Path
    gnupg_home: Path
    downloads: Path
    environment: Mapping[str, str]


def environment_for(
    base: Path, *, home: Path, gnupg_home: Path, endpoint_url: str, host: Mapping[str, str]
) -> dict[str, str]:
    """The environment of a person's programs.

    Args:
        base: the sandbox's folder, by a short path.
        home: the person's home folder.
        gnupg_home: the person's gpg folder.
        endpoint_url: the sandbox's AWS.
        host: the environment of the real machine; PATH, language, terminal and proxies are taken from it.
    """
    aws = home / ".aws" / PROJECT
    own = {
        "PATH": os.pathsep.join([str(base / "bin"), host.get("PATH", os.defpath)]),
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "XDG_STATE_HOME": str(home / ".local" / "state"),
        "TMPDIR": str(base / "tmp"),
        "GNUPGHOME": str(gnupg_home),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_CONFIG_FILE": str(aws / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(aws / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        "TF_CLI_CONFIG_FILE": str(base / "terraform.rc"),
        "CHECKPOINT_DISABLE": "1",
    }
    return child_environment(host, own, allowed=_KEPT)
