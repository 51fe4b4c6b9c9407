from __future__ import annotations

import sys
from pathlib import Path

import pytest

from workflows.core import installation
from workflows.core.installation import how_to_add_the_demo


@pytest.fixture(autouse=True)
def linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.uname", lambda: ("Linux", "", "", "", "x86_64"))
    monkeypatch.setattr(installation, "_checkout", lambda: "")


@pytest.mark.parametrize(
    ("prefix", "command"),
    [
        ("/home/jane/.local/share/pipx/venvs/iam-onboard", "pipx install --force 'iam-onboard[demo]'"),
        ("/home/jane/.local/share/uv/tools/iam-onboard", "uv tool install --force 'iam-onboard[demo]'"),
        ("/home/jane/venv", f"{sys.executable} -m pip install 'iam-onboard[demo]'"),
    ],
)
def test_the_demo_is_added_as_the_program_was_installed(
    monkeypatch: pytest.MonkeyPatch, prefix: str, command: str
) -> None:
    monkeypatch.setattr(sys, "prefix", prefix)
    assert how_to_add_the_demo().endswith(command)


def test_a_python_that_the_system_manages_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "EXTERNALLY-MANAGED").touch()
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    monkeypatch.setattr("sysconfig.get_path", lambda _name: str(tmp_path))
    assert how_to_add_the_demo().endswith("pipx install 'iam-onboard[demo]'")


def test_a_checkout_is_installed_from_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "_checkout", lambda: "/src/iam onboard")
    monkeypatch.setattr(sys, "prefix", "/home/jane/venv")
    assert how_to_add_the_demo().endswith("pip install --editable '/src/iam onboard[demo]'")


def test_a_processor_without_the_demos_terraform_is_not_sent_in_circles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.uname", lambda: ("Linux", "", "", "", "aarch64"))
    assert "aarch64" in how_to_add_the_demo()
    assert "install" not in how_to_add_the_demo()
