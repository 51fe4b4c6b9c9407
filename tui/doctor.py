"""`iam-onboard doctor`: what the wizard needs, what of it is here, and how to get the rest."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from tui.places import Machine
from workflows.errors import OnboardError
from workflows.services.clipboard import load_pyperclip
from workflows.services.gpg.tools import find_gpg
from workflows.services.processes import child_environment
from workflows.services.terraform.binary import identify
from workflows.services.vault import KeyringVault, VaultUnavailable, system_keyring

_COMFORTABLE = (80, 24)


@dataclass(frozen=True)
class Finding:
    """What was found about one thing.

    Attributes:
        subject: what it is about.
        good: whether it is as it should be.
        words: what was found.
        fix: what to do, "" if nothing.
        needed: whether the wizard cannot do its work without it.
    """

    subject: str
    good: bool
    words: str
    fix: str = ""
    needed: bool = False


def examine(machine: Machine, *, on_terminal: bool) -> list[Finding]:
    """Look at everything; nothing is changed.

    Args:
        machine: the machine.
        on_terminal: whether the output goes to a terminal.
    """
    return [
        _gpg(machine),
        *_binaries(machine),
        _terminal(machine, on_terminal=on_terminal),
        _keyring(),
        _clipboard(machine),
        _git(machine),
        _aws(machine),
    ]


def _gpg(machine: Machine) -> Finding:
    try:
        gpg = find_gpg(machine.environment)
    except OnboardError as error:
        return Finding("gpg", good=False, words=error.what, fix=error.next, needed=True)
    return Finding("gpg", good=True, words=f"GnuPG {gpg.version} at {gpg.path}")


def _binaries(machine: Machine) -> Iterator[Finding]:
    path = machine.environment.get("PATH", "")
    environment = child_environment(machine.environment)
    there = [name for name in ("terraform", "tofu") if shutil.which(name, path=path)]
    if not there:
        yield Finding(
            "Terraform or OpenTofu",
            good=False,
            words="neither `terraform` nor `tofu` is on the PATH (an admin needs the layers' own)",
            fix="https://developer.hashicorp.com/terraform/install, https://opentofu.org/docs/intro/install/",
        )
    for name in there:
        try:
            binary = identify((name,), environment)
        except OnboardError as error:
            yield Finding(name, good=False, words=error.what, fix=error.next)
        else:
            yield Finding(
                str(binary.product), good=True, words=f"{binary.version} ({shutil.which(name, path=path)})"
            )


def _terminal(machine: Machine, *, on_terminal: bool) -> Finding:
    if not on_terminal:
        return Finding("Terminal", good=True, words="not asked: the output is redirected")
    size = shutil.get_terminal_size()
    kind = machine.environment.get("TERM", "unknown")
    colours = "no colours (NO_COLOR is set)" if machine.environment.get("NO_COLOR") else "colours"
    words = f"{kind}, {size.columns}×{size.lines}, {colours}"
    if size.columns < _COMFORTABLE[0] or size.lines < _COMFORTABLE[1]:
        return Finding("Terminal", good=False, words=words, fix="80×24 or larger is comfortable.")
    return Finding("Terminal", good=True, words=words)


def _keyring() -> Finding:
    backend = system_keyring()
    fallback = "Access keys can be kept in a file encrypted to your own PGP key instead; nothing to do."
    if backend is None:
        return Finding("Keyring", good=False, words="there is none that keeps secrets safely", fix=fallback)
    vault = KeyringVault(backend)
    try:
        vault.load("is-it-there")
    except VaultUnavailable as error:
        return Finding("Keyring", good=False, words=f"{vault.description}: {error.what}", fix=fallback)
    return Finding("Keyring", good=True, words=vault.description)


def _clipboard(machine: Machine) -> Finding:
    copy, _ = load_pyperclip(machine.environment).determine_clipboard()
    if not copy:  # pyperclip's stand-in for "none" is false
        fix = "The terminal's own way (OSC 52) is tried instead; in tmux: `set -g set-clipboard on`."
        if sys.platform.startswith("linux"):
            fix += " Or install wl-clipboard (Wayland) or xclip (X11)."
        return Finding("Clipboard", good=False, words="no program of the desktop's for it", fix=fix)
    return Finding("Clipboard", good=True, words=f"{copy.__name__.removeprefix('copy_')}")


def _git(machine: Machine) -> Finding:
    found = shutil.which("git", path=machine.environment.get("PATH", ""))
    if found:
        return Finding("git", good=True, words=found)
    return Finding(
        "git", good=False, words="not on the PATH", fix="Install it: the project's checkout is looked at."
    )


def _aws(machine: Machine) -> Finding:
    found = shutil.which("aws", path=machine.environment.get("PATH", ""))
    if found:
        return Finding("aws CLI", good=True, words=found)
    fix = "Optional: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"
    return Finding("aws CLI", good=True, words="not here; the wizard itself does not need it", fix=fix)
