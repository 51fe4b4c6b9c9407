from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.credential_pages import MODULES, begin
from support.panes import new_session
from support.pgp import GpgHome, gpg_home
from support.served_aws import NewUserAws

from workflows.machine.session import Session


@pytest.fixture
def session(tmp_path: Path, new_user: NewUserAws) -> Iterator[Session]:
    made = new_session(tmp_path / "sessions", MODULES)
    begin(made, new_user)
    yield made
    made.close()


@pytest.fixture
def gpg() -> Iterator[GpgHome]:
    with gpg_home() as home:
        yield home
