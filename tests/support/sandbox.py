"""The sandbox as a pytest fixture: a copy of a prepared template, so each test has one of its own quickly."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from workflows.core.errors import OnboardError
from workflows.sandbox.layout import Layout
from workflows.sandbox.sandbox import Sandbox, delete_sandbox

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def sandbox_cache() -> Path:
    """The unpacked AWS provider and the prepared template, kept from run to run; git ignores it."""
    return REPOSITORY / ".cache" / "sandbox"


def delete_if_there(folder: Path) -> None:
    """Delete the sandbox in a folder, if a test has made one."""
    if Layout(folder).record.is_file():
        delete_sandbox(folder)


@contextmanager
def short_folder() -> Iterator[Path]:
    """Where a sandbox can be made: a short path where nothing is yet; whatever is made is removed."""
    parent = Path(tempfile.mkdtemp(prefix="io-", dir="/tmp"))
    folder = parent / "sandbox"
    try:
        yield folder
        delete_if_there(folder)
    finally:
        shutil.rmtree(parent)


def made_in(folder: Path, cache: Path) -> Sandbox:
    """A new sandbox, open."""
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
    """An open sandbox, deleted after the test."""
    with made_in(sandbox_folder, sandbox_cache) as made:
        yield made


@pytest.fixture(scope="module")
def shared_sandbox(sandbox_cache: Path) -> Iterator[Sandbox]:
    """An open sandbox for those tests of a module that don't mind what the others made."""
    with short_folder() as folder, made_in(folder, sandbox_cache) as made:
        yield made


def console_url(sandbox: Sandbox) -> str:
    """The address of its sign-in console."""
    return f"{sandbox.endpoint_url}/{sandbox.token}/console"


def advance_clock(sandbox: Sandbox, seconds: float) -> None:
    """Let the sandbox's AWS be so many more seconds ahead of the real time: a code is good only once."""
    Layout(sandbox.folder).clock.write_text(str(seconds_ahead(sandbox) + seconds))


def seconds_ahead(sandbox: Sandbox) -> float:
    """How far the sandbox's AWS is ahead of the real time."""
    clock = Layout(sandbox.folder).clock
    return float(clock.read_text()) if clock.exists() else 0.0
