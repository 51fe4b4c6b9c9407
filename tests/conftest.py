"""What every test gets without asking: a home of its own, and a check that no process is left over."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

from support import without_clock
from support.killing import end_fork_server

from tui.app import frame
from workflows.aws import iam
from workflows.core.sentences import OnboardError
from workflows.gpg import inspect

pytest_plugins = ["support.served_aws", "support.admin_project", "support.own_machine"]

# Workers, and the hundreds of programs that tests start, compile nothing twice, whatever the machine says.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

without_clock.install()

# The same inputs each time, so that a change is told by what it changes; `make explore` takes new ones.
# No example has a deadline, and none is too slow: that would be about the machine.
_ANY_MACHINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", _ANY_MACHINE, derandomize=True)
settings.register_profile("explore", _ANY_MACHINE, derandomize=False, print_blob=True)
settings.load_profile("repeatable")

# A shell that starts this in the background ignores interrupts, and `nohup` a hang-up; so would every child.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# A PGP key is read in a second and a key press handled in half of one; a busy machine may take longer, and no
# test is about that.
inspect.CHECK_SECONDS = 60.0  # type: ignore[misc]
frame._SECONDS_FOR_A_KEY = 600.0  # type: ignore[misc]

# The AWS of the tests is one server, which knows a new access key at once.
iam.SECONDS_BETWEEN_ANSWERS = 0.0  # type: ignore[misc]

# Moments are told in the machine's own time zone.
os.environ["TZ"] = "UTC"
time.tzset()

_SECONDS_TO_END = 60.0
_NUMBERS = count()
_FORGET = ("AWS_", "XDG_", "TF_", "GNUPG", "GPG_", "MOTO_")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one worker run the tests that share what is made once a module, or each worker would make it."""
    for item in items:
        if isinstance(item, pytest.Function) and not item.get_closest_marker("xdist_group"):
            fixtures = item._fixtureinfo.name2fixturedefs.values()
            if any(definitions[-1].scope == "module" for definitions in fixtures):
                item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


def pytest_collection_finish() -> None:
    """Set apart what is loaded by now, which the collector would look through test after test.

    For the rest it waits longer than usual: at Python's own thresholds it took a tenth of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)


_HOMES: list[Path] = []
"""The home of the last test, if it left that as it was."""


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home folder of the test's own; nothing in the environment leads to the developer's things."""
    home = _HOMES.pop() if _HOMES else tmp_path_factory.mktemp(f"home{next(_NUMBERS)}", numbered=False)
    for name in tuple(os.environ):
        if name.startswith(_FORGET):
            monkeypatch.delenv(name)
    for name in ("DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "SSH_AUTH_SOCK", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    folders = {
        "HOME": home,
        "XDG_CONFIG_HOME": home / ".config",
        "XDG_CACHE_HOME": home / ".cache",
        "XDG_DATA_HOME": home / ".local" / "share",
        "XDG_STATE_HOME": home / ".local" / "state",
        "XDG_RUNTIME_DIR": home / ".run",
        "GNUPGHOME": home / ".gnupg",
    }
    for name, folder in folders.items():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(home / ".aws" / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(home / ".aws" / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    before = _modes(home)
    yield home
    if _modes(home) == before:
        _HOMES.append(home)
    else:
        shutil.rmtree(home, ignore_errors=True)


def _modes(home: Path) -> dict[Path, int]:
    """All that is in a home, and who may do what with it."""
    return {path: path.lstat().st_mode for path in (home, *home.rglob("*"))} if home.exists() else {}


@pytest.fixture(autouse=True)
def nothing_fails_in_passing(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[BaseException]]:
    """What fails in a worker or at a timer ends no application, but fails the test.

    A test that is about failures takes them out of this list.
    """
    failures: list[BaseException] = []
    as_error = frame.as_error

    def noted(failure: BaseException) -> OnboardError:
        failures.append(failure)
        return as_error(failure)

    monkeypatch.setattr(frame, "as_error", noted)
    yield failures
    assert not failures


@pytest.fixture(autouse=True)
def nothing_kept_alive(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test with a layer of thousands sets more objects apart from the collector; they go with the test."""
    frozen: list[None] = []  # to count what is set apart takes as long as a test
    freeze = gc.freeze

    def noticed() -> None:
        frozen.append(None)
        freeze()

    monkeypatch.setattr(gc, "freeze", noticed)
    yield
    if frozen:
        gc.unfreeze()
        pytest_collection_finish()


@pytest.fixture(autouse=True, scope="session")
def no_process_left() -> Iterator[None]:
    """Fail a run that leaves a child process behind, after a moment for those that are ending."""
    me = psutil.Process()
    before = set(me.children(recursive=True))
    yield
    end_fork_server()
    left = [child for child in me.children(recursive=True) if child not in before]
    _, alive = psutil.wait_procs(left, timeout=_SECONDS_TO_END)
    told = [f"{child.pid}: {_command(child)}" for child in alive]
    assert not told, "these processes were left behind:\n" + "\n".join(told)


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()) or process.name()
    except psutil.Error as error:
        return str(error)
