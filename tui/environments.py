"""Opens the world: the user's own machine, or a sandbox with its two people."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from tui.host import Machine, vault_for
from workflows.core.installation import how_to_add_the_demo
from workflows.core.later import on_demand
from workflows.core.sentences import OnboardError
from workflows.desktop.clipboard import (
    Clipboard,
    ClipboardUnavailable,
    FirstWorkingClipboard,
    Osc52Clipboard,
    PyperclipClipboard,
    Remember,
    TmuxClipboard,
)

with on_demand():
    from workflows import environment
    from workflows.desktop import browser as browsers
    from workflows.steps.shared import module


def clipboard_of(
    machine: Machine, write: Callable[[str], None], remember: Remember | None = None
) -> Clipboard:
    """Return the desktop's clipboard, else tmux's, else the terminal's.

    Over ssh this machine's desktop isn't the user's own, unless windows are forwarded.

    Args:
        write: writes a text to the terminal's.
        remember: gets the digests of the secrets in the first two, for `clear_left`.
    """
    return FirstWorkingClipboard([*_readable(machine, remember), Osc52Clipboard(write, machine.now)])


def clear_left(machine: Machine, digests: Sequence[bytes]) -> None:
    """Clear the secrets of these digests, left by a killed wizard, wherever they still are.

    Raises:
        ClipboardUnavailable: a clipboard doesn't answer; the others are cleared anyway.
    """
    boards = _readable(machine)
    for board in boards:
        with suppress(ClipboardUnavailable):
            board.take_over(digests)
    FirstWorkingClipboard(boards).clear_if_ours()


def _readable(machine: Machine, remember: Remember | None = None) -> list[PyperclipClipboard | TmuxClipboard]:
    there = machine.environment
    boards: list[PyperclipClipboard | TmuxClipboard] = []
    if not there.get("SSH_CONNECTION") or there.get("DISPLAY") or there.get("WAYLAND_DISPLAY"):
        boards.append(PyperclipClipboard(machine.now, environment=there, remember=remember))
    if there.get("TMUX"):
        boards.append(TmuxClipboard(machine.now, there, remember))
    return boards


class OwnMachine:
    """The user's own machine; opens at once.

    Args:
        machine: the machine.
        binary: the Terraform or OpenTofu program to use, as typed, or "" to choose by the layer.
    """

    sandbox = False
    folder = None
    words = ""

    def __init__(self, machine: Machine, binary: str = "") -> None:
        self._machine = machine
        self._binary = str(machine.path(binary)) if "/" in binary else binary

    @property
    def options(self) -> Sequence[str]:
        """The command-line options that open the same again."""
        return ("--binary", self._binary) if self._binary else ()

    def open(self, report: module.Report) -> None:
        """Do nothing: the machine is ready."""

    def environment(
        self,
        workflow: str,  # noqa: ARG002 - a sandbox has one for each
        clipboard: Clipboard,
        *,
        tty: str | None = None,
    ) -> environment.Environment:
        """Return the environment, the same for both workflows; gpg may ask for a passphrase on `tty`."""
        machine = self._machine
        return environment.Environment(
            home=machine.home,
            variables=machine.environment,
            gnupg_home=machine.gnupg_home,
            downloads=machine.downloads_folder,
            endpoint_url=machine.environment.get("AWS_ENDPOINT_URL") or None,
            binary=self._binary or None,
            mailbox=None,
            sandbox=False,
            now=machine.now,
            clipboard=clipboard,
            browser=browsers.SystemBrowser(machine.environment, sys.platform),
            vault=partial(
                vault_for,
                folder=machine.places.vault,
                gnupg_home=machine.gnupg_home,
                environment=machine.environment,
                with_keyring=True,
                tty=tty,
            ),
            key_records=machine.places.key_records,
            trusted_programs=machine.places.trusted_programs,
        )

    @property
    def key_records(self) -> Path:
        """The program's own folder."""
        return self._machine.places.key_records

    def drafts(self, workflow: str) -> Mapping[str, Mapping[str, Any]]:
        """Start an admin's search for the project in the folder that the program was started in."""
        return {"project": {"path": str(self._machine.working_folder)}} if workflow == "admin" else {}

    def close(self) -> None:
        """Do nothing: nothing was opened."""


class SandboxEnvironments:
    """A sandbox, as its two people see it.

    Args:
        machine: the real machine, for the programs on its PATH.
        folder: the sandbox's folder, existing or new.
    """

    sandbox = True
    options: Sequence[str] = ()

    def __init__(self, machine: Machine, folder: Path) -> None:
        self._machine = machine
        self.folder = folder
        self._sandbox: Any = None
        self.words = (
            "Opening the sandbox: a disposable project, a local AWS on loopback, two people's homes.\n"
            "The first one takes up to a minute, later ones a few seconds."
        )

    def open(self, report: module.Report) -> None:
        """Create or reopen the sandbox.

        Raises:
            OnboardError: it doesn't start, or the extra `demo` isn't installed.
        """
        try:
            from workflows.sandbox.sandbox import Sandbox  # noqa: PLC0415 - needs the extra `demo`
        except ModuleNotFoundError as error:
            raise OnboardError(
                "The sandbox isn't installed",
                f"It needs the package {error.name}, which isn't installed.",
                next=how_to_add_the_demo(),
            ) from error
        variables = self._machine.environment
        if self.folder.exists():
            report(module.Progress("Starting the local AWS"))
            self._sandbox = Sandbox.open(self.folder, environment=variables)
        else:
            report(module.Progress("Making the project and starting the local AWS"))
            self._sandbox = Sandbox.create(
                self.folder,
                cache=self._machine.places.cache,
                environment=variables,
                progress=lambda words: report(module.Progress(words)),
            )

    def environment(self, workflow: str, clipboard: Clipboard) -> environment.Environment:
        """Return the administrator's environment for the admin's workflow, the new user's for the other."""
        sandbox, machine = self._sandbox, self._machine
        person = sandbox.administrator if workflow == "admin" else sandbox.new_user
        browser = browsers.SandboxBrowser(
            sandbox.endpoint_url, sandbox.token, browsers.SystemBrowser(machine.environment, sys.platform)
        )
        return environment.Environment(
            home=person.home,
            variables=person.environment,
            gnupg_home=person.gnupg_home,
            downloads=person.downloads,
            endpoint_url=sandbox.endpoint_url,
            binary=sandbox.terraform_argv,
            mailbox=sandbox.mailbox,
            sandbox=True,
            now=machine.now,
            clipboard=clipboard,
            browser=browser,
            vault=partial(
                vault_for,
                folder=person.home / ".local" / "share" / "iam-onboard" / "vault",
                gnupg_home=person.gnupg_home,
                environment=person.environment,
                with_keyring=False,
            ),
            open_page=lambda url: browser.mapped(url) or url,
            project=sandbox.project_root.name,
        )

    @property
    def key_records(self) -> Path:
        """The new user's folder."""
        return environment.key_records_below(self._sandbox.new_user.home)

    def drafts(self, workflow: str) -> Mapping[str, Mapping[str, Any]]:
        """Return the sandbox's project, and somebody to add, as long as no layer has her key."""
        if workflow == "admin":
            root = Path(self._sandbox.project_root)
            there = any(root.glob("*/global/base-identities/keys/jane.doe"))
            return {"project": {"path": str(root), "joining": [] if there else ["jane.doe"]}}
        return {"before-you-start": {"project": self._sandbox.project_root.name, "user": "jane.doe"}}

    def close(self) -> None:
        """Let the local AWS save its data and end on its own, without delaying the wizard's end."""
        if self._sandbox is not None:
            self._sandbox.close(wait=False)


EnvironmentSource = OwnMachine | SandboxEnvironments
"""Opens a world and closes it again.

`sandbox` says whether it is disposable, `folder` where it is (None for the user's own), and `words` what is
being opened, for a waiting user ("" if nobody has to wait).
"""
