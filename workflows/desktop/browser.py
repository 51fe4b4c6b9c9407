"""Open the person's web browser without waiting for it and without its output on the terminal.

Python's `webbrowser` lets the browser write to the terminal, starts text browsers in it, and may wait for
them, so this starts the system's opener directly. In the sandbox AWS's sign-in pages are those of the local
console.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePath
from shutil import which
from threading import Thread
from typing import Protocol
from urllib.parse import urlencode, urlsplit

from workflows.core.processes import ON_A_DESKTOP, child_environment
from workflows.core.sentences import OnboardError
from workflows.profiles.shell_lines import SIGN_IN_DOMAINS

EARLY_SECONDS = 1.0
_TEXT_BROWSERS = {"browsh", "elinks", "links", "links2", "lynx", "w3m", "www-browser", "sensible-browser"}

Start = Callable[[Sequence[str]], "subprocess.Popen[bytes]"]


class Browser(Protocol):
    """Opens a web address for the person."""

    def open(self, url: str) -> bool:
        """Open an address and return within a second.

        Args:
            url: begins with http:// or https://.

        Returns:
            False if there is no browser here; then show the address.

        Raises:
            OnboardError: it is not a web address.
        """


class SystemBrowser:
    """The browser of the desktop that the wizard runs on.

    Args:
        environment: for BROWSER, DISPLAY, WAYLAND_DISPLAY, SSH_CONNECTION; browsers get `ON_A_DESKTOP` of it.
        platform: `sys.platform`.
        start: starts a program; a parameter for tests.
    """

    def __init__(self, environment: Mapping[str, str], platform: str, *, start: Start | None = None) -> None:
        self._environment = dict(environment)
        self._childs = child_environment(environment, allowed=ON_A_DESKTOP)
        self._platform = platform
        self._start = start or self._start_quietly

    def open(self, url: str) -> bool:
        """See `Browser`."""
        check_web_address(url)
        return any(self._opens(_with_address(command, url)) for command in self._commands())

    def _commands(self) -> Iterator[list[str]]:
        """Yield the commands that may open an address here, best first."""
        path = self._environment.get("PATH")
        for entry in self._environment.get("BROWSER", "").split(":"):
            # Over ssh, too: an editor's remote terminal sets it to a program that reaches the person's
            # screen.
            command = _arguments(entry)
            if command and PurePath(command[0]).name not in _TEXT_BROWSERS and which(command[0], path=path):
                yield command
        if not any(map(self._environment.get, ("SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"))):
            yield from ([name] for name in self._openers() if which(name, path=path))

    def _openers(self) -> tuple[str, ...]:
        if self._platform == "darwin":
            return ("open",)
        if "WSL_DISTRO_NAME" in self._environment:
            return ("wslview", "explorer.exe")
        if self._environment.get("DISPLAY") or self._environment.get("WAYLAND_DISPLAY"):
            return ("xdg-open",)  # without a display, it would start a text browser
        return ()

    def _opens(self, command: Sequence[str]) -> bool:
        """Start the command, and return whether it hasn't failed within a second."""
        try:
            process = self._start(command)
        except OSError:
            return False
        try:
            return process.wait(EARLY_SECONDS) == 0 or PurePath(command[0]).name == "explorer.exe"
        except subprocess.TimeoutExpired:
            # It keeps running as the browser; a thread reaps it.
            Thread(target=process.wait, name="browser", daemon=True).start()
            return True

    def _start_quietly(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self._childs,
            start_new_session=True,
        )


class SandboxBrowser:
    """Opens the sandbox's console in place of AWS's; opens nothing outside loopback.

    Args:
        endpoint_url: the address of the local AWS, such as http://127.0.0.1:PORT.
        token: the first path segment of its pages.
        inner: opens the mapped addresses.
    """

    def __init__(self, endpoint_url: str, token: str, inner: Browser) -> None:
        self._endpoint = endpoint_url.rstrip("/")
        self._pages = f"{self._endpoint}/{token}"
        self._inner = inner

    def open(self, url: str) -> bool:
        """See `Browser`; also False for an address outside the sandbox."""
        mapped = self.mapped(url)
        return mapped is not None and self._inner.open(mapped)

    def mapped(self, url: str) -> str | None:
        """Return the sandbox's address for an address, or None.

        Raises:
            OnboardError: it is not a web address.
        """
        check_web_address(url)
        parts = urlsplit(url)
        host = parts.hostname or ""
        if f"{parts.scheme}://{parts.netloc}" == self._endpoint:
            return url if url.startswith(f"{self._pages}/") else url.replace(self._endpoint, self._pages, 1)
        account, _, domain = host.partition(".")
        if domain in SIGN_IN_DOMAINS.values() and parts.path.rstrip("/") in {"", "/console"}:
            return f"{self._pages}/console?{urlencode({'account': account})}"
        if host in SIGN_IN_DOMAINS.values() and parts.path == "/switchrole" and parts.query:
            return f"{self._pages}/console/switchrole?{parts.query}"
        return None


def check_web_address(url: str) -> None:
    """Reject anything but a plain web address, since a program is started with it.

    Raises:
        OnboardError: its scheme isn't http or https, it has no host, or an invalid character.
    """
    try:
        parts = urlsplit(url)
        named = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.username is None
    except ValueError:
        named = False
    if not named or any(character <= " " or character in "\"'\\`<>{}|^\x7f" for character in url):
        raise OnboardError(
            "That isn't a web address",
            "iam-onboard only opens addresses that begin with http:// or https://.",
            next="Check the address in the message that it came from.",
        )


def _arguments(entry: str) -> list[str]:
    try:
        return shlex.split(entry)
    except ValueError:
        return []  # an unbalanced quote in BROWSER counts as unset


def _with_address(command: Sequence[str], url: str) -> list[str]:
    """Put the address in place of `%s`, as in BROWSER, or at the end."""
    if any("%s" in word for word in command):
        return [word.replace("%s", url) for word in command]
    return [*command, url]
