"""The sandbox as a pytest fixture: a copy of the template, so that tests get their own quickly."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from workflows.core.sentences import OnboardError
from workflows.sandbox.layout import Layout
from workflows.sandbox.sandbox import Sandbox, delete_sandbox

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def sandbox_cache() -> Path:
    """Return the folder with the unpacked AWS provider and the template, which runs share and git ignores."""
    return REPOSITORY / ".cache" / "sandbox"


def delete_if_there(folder: Path) -> None:
    """Delete the sandbox in a folder, if a test has made one."""
    if Layout(folder).record.is_file():
        delete_sandbox(folder)


@contextmanager
def short_folder() -> Iterator[Path]:
    """Yield a short path at which a sandbox can be made; remove what is there afterwards."""
    parent = Path(tempfile.mkdtemp(prefix="io-", dir="/tmp"))
    folder = parent / "sandbox"
    try:
        yield folder
        delete_if_there(folder)
    finally:
        shutil.rmtree(parent)


def made_in(folder: Path, cache: Path) -> Sandbox:
    """Make a new sandbox and open it."""
    try:
        return Sandbox.create(folder, cache=cache, environment=os.environ)
    except OnboardError as error:
        pytest.fail(error.as_text(), pytrace=False)


@pytest.fixture
def sandbox_folder() -> Iterator[Path]:
    """`short_folder` as a fixture."""
    with short_folder() as folder:
        yield folder


@pytest.fixture
def sandbox(sandbox_folder: Path, sandbox_cache: Path) -> Iterator[Sandbox]:
    """Yield an open sandbox, which is deleted after the test."""
    with made_in(sandbox_folder, sandbox_cache) as made:
        yield made


@pytest.fixture(scope="module")
def shared_sandbox(sandbox_cache: Path) -> Iterator[Sandbox]:
    """Yield an open sandbox for the tests of a module that do not depend on its contents."""
    with short_folder() as folder, made_in(folder, sandbox_cache) as made:
        yield made


def console_url(sandbox: Sandbox) -> str:
    """Return the address of the sandbox's sign-in console."""
    return f"{sandbox.endpoint_url}/{sandbox.token}/console"


def advance_clock(sandbox: Sandbox, seconds: float) -> None:
    """Advance the clock of the sandbox's AWS, for example because each code is valid once."""
    Layout(sandbox.folder).clock.write_text(str(seconds_ahead(sandbox) + seconds))


def seconds_ahead(sandbox: Sandbox) -> float:
    """Return the seconds by which the sandbox's AWS is ahead of the real time."""
    clock = Layout(sandbox.folder).clock
    return float(clock.read_text()) if clock.exists() else 0.0
