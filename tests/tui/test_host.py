"""The program's folders, and what the user's machine knows of paths."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui.host import Machine, Places, vault_for
from workflows.core.files import FileError
from workflows.core.sentences import OnboardError
from workflows.stores.vault import PgpFileVault, VaultChoice, VaultUnavailable


def places(folder: Path) -> Places:
    return Places(
        folder / "state/sessions", folder / "state/sandboxes", folder / "data/vault", folder / "cache"
    )


def machine(folder: Path, **environment: str) -> Machine:
    return Machine(places(folder), folder / "home", None, folder / "work", environment)


@pytest.mark.parametrize("named", ["", "relative/state", "/elsewhere/state"])
def test_the_folders_are_those_of_the_variables_if_they_name_absolute_paths(
    named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_STATE_HOME", named)
    found = Places.of_this_machine()
    outer = Path(named) if named.startswith("/") else Path.home() / ".local/state"
    assert found.sessions == outer / "iam-onboard/sessions"
    assert {found.sandboxes, found.key_records, found.theme, found.trusted_programs} == {
        outer / "iam-onboard" / name
        for name in ("sandboxes", "access-keys", "theme", "trusted-programs.json")
    }


def test_folders_that_others_can_read_are_closed_and_told_once(tmp_path: Path) -> None:
    here = places(tmp_path)
    for folder in (here.sessions, here.vault):
        folder.mkdir(parents=True)
    here.sessions.parent.chmod(0o700)
    here.sessions.chmod(0o700)
    here.vault.parent.chmod(0o700)
    here.vault.chmod(0o755)
    assert here.secure() == (here.vault,)
    assert here.vault.stat().st_mode & 0o777 == 0o700
    assert here.secure() == ()


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    here = places(tmp_path)
    here.sessions.parent.mkdir()
    (tmp_path / "elsewhere").mkdir()
    here.sessions.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileError):
        here.secure()


def test_a_typed_path_is_relative_to_where_the_program_was_started(tmp_path: Path) -> None:
    here = machine(tmp_path)
    assert here.path("a/b") == tmp_path / "work/a/b"
    assert here.path("/a/b") == Path("/a/b")
    assert here.path("~/b") == Path.home() / "b"


def test_the_folder_of_gpg_is_the_one_of_the_variable(tmp_path: Path) -> None:
    assert machine(tmp_path).gnupg_home is None
    assert machine(tmp_path, GNUPGHOME="/keys").gnupg_home == Path("/keys")


def test_a_program_that_starts_in_a_folder_that_is_gone_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(OnboardError):
        Machine.this()


def test_without_a_keyring_secrets_are_kept_only_for_a_key(tmp_path: Path) -> None:
    def chosen(fingerprint: str) -> VaultChoice:
        return vault_for(fingerprint, folder=tmp_path, gnupg_home=None, environment={}, with_keyring=False)

    assert isinstance(chosen("A" * 40).vault, PgpFileVault)
    with pytest.raises(VaultUnavailable):
        chosen("")
