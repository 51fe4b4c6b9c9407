from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.pgp import ENVIRONMENT, GpgHome, gpg_home, spying

from workflows.core.secret import Secret
from workflows.core.sentences import Cancelled
from workflows.gpg import keyring
from workflows.gpg.decrypt import decrypt
from workflows.gpg.inspect import check_key, inspect_key
from workflows.gpg.keyring import (
    NoSuchKey,
    check_new_key,
    export_public_key,
    generate_key,
    list_secret_keys,
    revocation_certificate,
)
from workflows.gpg.tools import GpgFailed, GpgMissing, gpg_version
from workflows.gpg.verdict import VerdictKind, judge

PASSPHRASE = "four quiet words, zoë"


@pytest.fixture
def home() -> Iterator[GpgHome]:
    with gpg_home() as folder:
        yield folder


def fields(problems: list[keyring.Problem], *, fatal: bool) -> list[str]:
    return [problem.field for problem in problems if problem.fatal is fatal]


def test_a_new_key_works_decrypts_and_leaves_no_trace_of_its_passphrase(
    home: GpgHome, tmp_path: Path
) -> None:
    spied, record = spying(tmp_path)
    ticks: list[float] = []
    fingerprint = generate_key(
        "Zoë Doe",
        "zoe.doe@a.example",
        "2y",
        Secret(PASSPHRASE),
        gnupg_home=home.path,
        environment=spied,
        progress=ticks.append,
    )
    exported = export_public_key(fingerprint, home.path, ENVIRONMENT)
    details = inspect_key(exported, environment=ENVIRONMENT)
    assert details.fingerprint == fingerprint
    assert details.user_ids[0].text == "Zoë Doe <zoe.doe@a.example>"
    assert [(part.description, part.capabilities) for part in details.parts] == [
        ("RSA 4096", {"certify", "sign"}),
        ("RSA 4096", {"encrypt"}),
    ]
    assert details.primary.expires is not None
    assert abs(details.primary.expires - datetime.now(UTC) - timedelta(days=730)) < timedelta(days=2)
    verdict = judge(details, "3.39.0", datetime.now(UTC))
    assert (verdict.kind, verdict.warnings) == (VerdictKind.WORKS, ())
    assert ticks == sorted(ticks)
    assert revocation_certificate(fingerprint, home.path, ENVIRONMENT).is_file()

    home.forget_passphrases()
    message = home.run("-r", fingerprint, "--encrypt", stdin=b"the password")
    opened = decrypt(message, passphrase=Secret(PASSPHRASE), gnupg_home=home.path, environment=ENVIRONMENT)
    assert opened.reveal() == "the password"

    assert "--passphrase-fd" in record.read_text()
    assert PASSPHRASE not in record.read_text()
    files = [file for file in home.path.rglob("*") if file.is_file()]
    assert not any(PASSPHRASE.encode() in file.read_bytes() for file in files)


def test_making_a_key_can_be_cancelled(home: GpgHome) -> None:
    cancelled = threading.Event()

    def cancel(_seconds: float) -> None:
        cancelled.set()

    with pytest.raises(Cancelled):
        generate_key(
            "Jane Doe",
            "jane@a.example",
            "2y",
            Secret(PASSPHRASE),
            gnupg_home=home.path,
            environment=ENVIRONMENT,
            progress=cancel,
            cancelled=cancelled,
        )
    assert list_secret_keys(home.path, ENVIRONMENT) == ()


def test_a_key_that_cannot_be_made_says_so_with_the_words_of_gpg(home: GpgHome) -> None:
    (home.path / "gpg.conf").write_text("no-such-option\n")
    with pytest.raises(GpgFailed) as failure:
        generate_key(
            "Jane Doe",
            "jane@a.example",
            "2y",
            Secret(PASSPHRASE),
            gnupg_home=home.path,
            environment=ENVIRONMENT,
        )
    assert "gpg.conf" in failure.value.detail


def test_parameters_are_checked_before_gpg_starts(home: GpgHome) -> None:
    with pytest.raises(ValueError, match="one line"):
        generate_key(
            "Jane\n%no-protection",
            "j@a.b",
            "2y",
            Secret(PASSPHRASE),
            gnupg_home=home.path,
            environment={"PATH": "/nonexistent"},
        )


@pytest.mark.parametrize(
    ("name", "email", "expires", "passphrase", "refused", "warned"),
    [
        ("Jane Doe", "jane@a.example", "2y", PASSPHRASE, [], []),
        ("Ana", "ana@b.sample", "0", PASSPHRASE, [], []),
        ("Jane Doe", "jane@a.example", "2y", "short", [], ["passphrase"]),
        ("", "jane", "soon", "", ["name", "email", "expires", "passphrase"], []),
        ("Jane <x>", "a b@c.d", "-1", "  ", ["name", "email", "expires", "passphrase"], []),
        ("a\nb", "a@b\n", "2y\n", "a\nb", ["name", "email", "expires", "passphrase"], []),
        ("Jane Doe", "jane@a.example", "2y", "ü" * 200, ["passphrase"], []),
        ("Jane Doe", "jane@a.example", "2y", "four quiet words, zo\ufffd", ["passphrase"], []),
    ],
)
def test_the_parameters_of_a_new_key_are_checked(
    name: str, email: str, expires: str, passphrase: str, refused: list[str], warned: list[str]
) -> None:
    problems = check_new_key(name, email, expires, Secret(passphrase))
    assert fields(problems, fatal=True) == refused
    assert fields(problems, fatal=False) == warned
    assert not any(passphrase.strip() and passphrase in problem.message for problem in problems)


def test_the_keys_of_the_keyring_are_listed_whole(home: GpgHome) -> None:
    jane = home.key("jane", passphrase=PASSPHRASE)
    juan = home.key("juan", "ed25519", subkey="cv25519")
    with gpg_home() as elsewhere:
        elsewhere.key("stranger")
        home.run("--import", stdin=elsewhere.export("stranger"))
    listed = list_secret_keys(home.path, ENVIRONMENT)
    assert [key.details.fingerprint for key in listed] == [jane, juan]
    for key in listed:
        assert key.present == {part.key_id for part in key.details.parts}
        assert key.on_card == set()


def test_a_secret_half_that_is_kept_elsewhere_is_told(home: GpgHome) -> None:
    jane = home.key("jane")
    grip = next(
        line.split(":")[9]
        for line in home.run("--list-secret-keys", "--with-colons", "--with-keygrip").decode().splitlines()
        if line.startswith("grp")
    )
    home.forget_passphrases()
    (home.path / "private-keys-v1.d" / f"{grip}.key").unlink()
    (key,) = list_secret_keys(home.path, ENVIRONMENT)
    assert key.details.fingerprint == jane
    assert key.present == {key.details.subkeys[0].key_id}


def test_gpg_says_whether_a_key_has_a_passphrase(home: GpgHome, tmp_path: Path) -> None:
    for passphrase in ("canary", ""):
        fingerprint = home.key(f"jane{passphrase}", passphrase=passphrase)
        assert keyring.has_passphrase(fingerprint, home.path, ENVIRONMENT) is bool(passphrase)
    assert keyring.has_passphrase("A" * 40, home.path, ENVIRONMENT) is None
    gpg = shutil.which("gpg", path=ENVIRONMENT["PATH"])
    (tmp_path / "gpg").symlink_to(str(gpg))
    alone = {**ENVIRONMENT, "PATH": str(tmp_path)}
    assert keyring.has_passphrase(fingerprint, home.path, alone) is None, "nothing can ask the agent"


def test_an_exported_key_is_minimal(home: GpgHome) -> None:
    jane = home.key("jane")
    home.key("signer")
    home.run("--local-user", "signer@a.example", "--quick-sign-key", jane)
    exported = export_public_key(jane, home.path, ENVIRONMENT)
    assert exported == home.export("jane", "--export-options", "export-minimal")
    assert len(exported) < len(home.export("jane"))


def test_a_key_from_the_future_keeps_its_signatures() -> None:
    with gpg_home() as home:
        fingerprint = home.key("future", expires="never", at="20450101T000000")
        (own,) = list_secret_keys(home.path, ENVIRONMENT)
        assert own.details.user_ids[0].signed
        assert own.details.encryption_parts
        exported = export_public_key(fingerprint, home.path, ENVIRONMENT)
        assert check_key(exported, environment=ENVIRONMENT).details.fingerprint == fingerprint


def test_a_key_that_is_not_there_and_a_wrong_fingerprint_are_told_apart(home: GpgHome) -> None:
    with pytest.raises(NoSuchKey):
        export_public_key("A" * 40, home.path, ENVIRONMENT)
    with pytest.raises(ValueError, match="hexadecimal"):
        export_public_key("--version", home.path, ENVIRONMENT)


def test_no_folder_and_no_gpg_are_told_apart(home: GpgHome, tmp_path: Path) -> None:
    assert list_secret_keys(tmp_path / "nothing", ENVIRONMENT) == ()
    with pytest.raises(GpgMissing):
        list_secret_keys(home.path, {**ENVIRONMENT, "PATH": "/nonexistent"})


def test_a_gpg_that_the_system_cannot_start_is_not_missing(home: GpgHome, tmp_path: Path) -> None:
    (tmp_path / "gpg").write_bytes(b"\0 no program")
    (tmp_path / "gpg").chmod(0o755)
    environment = {**ENVIRONMENT, "PATH": str(tmp_path)}
    for start in (lambda: list_secret_keys(home.path, environment), lambda: gpg_version(environment)):
        with pytest.raises(GpgFailed) as refused:
            start()
        assert os.strerror(errno.ENOEXEC) in str(refused.value.detail)


def test_the_place_of_the_revocation_certificate_follows_gpg() -> None:
    environment = {"HOME": "/home/jane"}
    assert revocation_certificate("AB", None, environment) == Path(
        "/home/jane/.gnupg/openpgp-revocs.d/AB.rev"
    )
    environment["GNUPGHOME"] = "/keys"
    assert revocation_certificate("AB", None, environment) == Path("/keys/openpgp-revocs.d/AB.rev")
