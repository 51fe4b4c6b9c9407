from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from workflows.core.sentences import OnboardError
from workflows.desktop import browser
from workflows.desktop.browser import SandboxBrowser, SystemBrowser, check_web_address

SIGN_IN = "https://bb-management.signin.aws.amazon.com/console"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give an opener unlimited time."""
    monkeypatch.setattr(browser, "EARLY_SECONDS", 600)


def program(folder: Path, name: str, body: str = "") -> None:
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport os, sys, time\n{body}\n")
    path.chmod(0o755)


def opener(folder: Path, name: str = "xdg-open", ending: str = "") -> None:
    body = f"open({str(folder / 'opened')!r}, 'a').write(repr(sys.argv[1:]) + chr(10))\n"
    program(folder, name, body + "print('noise')\nprint('noise', file=sys.stderr)\n" + ending)


def opened(folder: Path) -> list[list[str]]:
    path = folder / "opened"
    return [eval(line) for line in path.read_text().splitlines()] if path.exists() else []  # noqa: S307 - own text


def system(folder: Path, platform: str = "linux", **environment: str) -> SystemBrowser:
    return SystemBrowser({"PATH": str(folder), **environment}, platform)


def test_the_desktops_opener_gets_the_address_and_says_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    opener(tmp_path)
    assert system(tmp_path, DISPLAY=":0").open(SIGN_IN)
    assert opened(tmp_path) == [[SIGN_IN]]
    assert capfd.readouterr() == ("", "")


def test_a_browser_gets_what_desktops_say_and_no_secret_of_the_shell(tmp_path: Path) -> None:
    saw = tmp_path / "saw"
    program(tmp_path, "xdg-open", f"import os\nopen({str(saw)!r}, 'w').write(repr(dict(os.environ)))")
    wanted = {"DISPLAY": ":0", "XDG_RUNTIME_DIR": "/run/user/1", "MOZ_ENABLE_WAYLAND": "1"}
    assert system(tmp_path, **wanted, AWS_SECRET_ACCESS_KEY="canary").open(SIGN_IN)
    got = eval(saw.read_text())  # noqa: S307 - own text
    assert wanted.items() <= got.items()
    assert "AWS_SECRET_ACCESS_KEY" not in got


def test_on_a_mac_it_is_open(tmp_path: Path) -> None:
    opener(tmp_path, "open")
    assert system(tmp_path, "darwin").open(SIGN_IN)
    assert opened(tmp_path) == [[SIGN_IN]]


@pytest.mark.parametrize(
    "environment",
    [{}, {"DISPLAY": ":0", "SSH_CONNECTION": "a b c d"}, {"WAYLAND_DISPLAY": "w", "SSH_TTY": "/dev/pts/1"}],
)
def test_without_a_screen_of_the_persons_own_nothing_is_started(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    opener(tmp_path)
    assert not system(tmp_path, **environment).open(SIGN_IN)
    assert opened(tmp_path) == []


def test_the_browser_variable_is_used_even_over_ssh(tmp_path: Path) -> None:
    opener(tmp_path, "helper")
    assert system(tmp_path, SSH_CONNECTION="x", BROWSER=f"missing:{tmp_path}/helper --new %s").open(SIGN_IN)
    assert opened(tmp_path) == [["--new", SIGN_IN]]


@pytest.mark.parametrize("browser", ["w3m", "lynx", "'unbalanced"])
def test_a_text_browser_never_gets_the_terminal(tmp_path: Path, browser: str) -> None:
    for name in ("w3m", "lynx"):
        opener(tmp_path, name)
    assert not system(tmp_path, BROWSER=browser).open(SIGN_IN)
    assert opened(tmp_path) == []


def test_an_opener_that_fails_is_no_browser(tmp_path: Path) -> None:
    opener(tmp_path, ending="sys.exit(3)")
    assert not system(tmp_path, DISPLAY=":0").open(SIGN_IN)
    assert not system(tmp_path / "nowhere", DISPLAY=":0").open(SIGN_IN)


def test_a_browser_that_stays_in_the_foreground_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "EARLY_SECONDS", 0.1)
    closed = tmp_path / "closed"
    waits = f"while not os.path.exists({str(closed)!r}): time.sleep(0.02)"
    opener(tmp_path, ending=f"sys.stdin.read()\n{waits}")
    started: list[subprocess.Popen[bytes]] = []
    shown = system(tmp_path, DISPLAY=":0")
    start = shown._start

    def keep(command: Sequence[str]) -> subprocess.Popen[bytes]:
        started.append(start(command))
        return started[-1]

    shown._start = keep
    assert shown.open(SIGN_IN)
    assert started[0].poll() is None
    closed.touch()
    assert started[0].wait() == 0


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "javascript:alert(1)",
        "--help",
        "",
        "https://",
        "https://a b",
        "https://a/\n",
        "https://user@evil.example/",
        "https://[bad",
        "https://a/`id`",
        "ftp://a.example/",
    ],
)
def test_only_web_addresses_are_opened(tmp_path: Path, url: str) -> None:
    opener(tmp_path)
    with pytest.raises(OnboardError):
        check_web_address(url)
    with pytest.raises(OnboardError):
        system(tmp_path, DISPLAY=":0").open(url)
    assert opened(tmp_path) == []


class Inner:
    def __init__(self) -> None:
        self.urls: list[str] = []

    def open(self, url: str) -> bool:
        self.urls.append(url)
        return True


@pytest.mark.parametrize(
    ("url", "mapped"),
    [
        (SIGN_IN, "http://127.0.0.1:4567/t0ken/console?account=bb-management"),
        (f"{SIGN_IN}/", "http://127.0.0.1:4567/t0ken/console?account=bb-management"),
        (f"{SIGN_IN}?region=us-east-1", "http://127.0.0.1:4567/t0ken/console?account=bb-management"),
        (
            "https://signin.aws.amazon.com/switchrole?account=222222222222&roleName=DevOps",
            "http://127.0.0.1:4567/t0ken/console/switchrole?account=222222222222&roleName=DevOps",
        ),
        (
            "https://bb.signin.amazonaws-us-gov.com/console",
            "http://127.0.0.1:4567/t0ken/console?account=bb",
        ),
        ("http://127.0.0.1:4567/phone", "http://127.0.0.1:4567/t0ken/phone"),
        ("http://127.0.0.1:4567/t0ken/phone?x=1", "http://127.0.0.1:4567/t0ken/phone?x=1"),
    ],
)
def test_the_sandbox_opens_its_own_console(url: str, mapped: str) -> None:
    inner = Inner()
    assert SandboxBrowser("http://127.0.0.1:4567", "t0ken", inner).open(url)
    assert inner.urls == [mapped]


@pytest.mark.parametrize(
    "url",
    [
        "https://docs.aws.amazon.com/",
        "https://bb.signin.aws.amazon.com.evil.example/console",
        "http://127.0.0.1:4568/console",
        "http://127.0.0.1:45670/console",
        "https://signin.aws.amazon.com/switchrole",
    ],
)
def test_the_sandbox_opens_nothing_else(url: str) -> None:
    inner = Inner()
    assert not SandboxBrowser("http://127.0.0.1:4567", "t0ken", inner).open(url)
    assert inner.urls == []
