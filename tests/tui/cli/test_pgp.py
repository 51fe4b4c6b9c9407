from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.gpg_commands import on_terminal, run
from support.pgp import PAST, GpgHome, gpg_home

from tui.cli.arguments import DONE, REFUSED, USAGE
from workflows.gpg.normalise import normalise
from workflows.gpg.verdict import Headline
from workflows.messages.request import open_request

PASSPHRASE = "canary passphrase of four words"
LOCK = 'provider "registry.terraform.io/hashicorp/aws" {{\n  version = "{}"\n}}\n'
HEAVY = {"textual", "rich", "boto3", "botocore", "moto", "flask"}


@pytest.fixture(scope="module")
def home() -> Iterator[GpgHome]:
    with gpg_home() as folder:
        folder.key("jane.doe", passphrase=PASSPHRASE)
        folder.key("juan", "ed25519", subkey="cv25519")
        folder.key("expired", at=PAST, expires="1y")
        yield folder


def layer(folder: Path, version: str, files: dict[str, bytes]) -> Path:
    keys = folder / "keys"
    keys.mkdir(parents=True)
    (folder / "users.tf").write_text("# users\n")
    (folder / ".terraform.lock.hcl").write_text(LOCK.format(version))
    for name, data in files.items():
        (keys / name).write_bytes(data)
    return keys


def test_a_good_key_is_told_with_its_fingerprint_and_exit_code_0(home: GpgHome) -> None:
    for form in (home.export("jane.doe"), home.export("jane.doe", "--armor")):
        done = run(home, "pgp", "check", given=form)
        assert (done.returncode, done.stderr) == (DONE, "")
        assert re.match(rf"✓ .*: {Headline.WORKS}\n", done.stdout)
        assert " ".join([home.fingerprint("jane.doe")[:4], home.fingerprint("jane.doe")[4:8]]) in done.stdout
        assert "jane.doe <jane.doe@a.example>" in done.stdout


def test_the_provider_version_decides(home: GpgHome, tmp_path: Path) -> None:
    key = tmp_path / "juan.asc"
    key.write_bytes(home.export("juan", "--armor"))
    for version, code in (
        ("3.39.0", REFUSED),
        ("~> 3.27, < 3.38", REFUSED),
        ("4.67.0", DONE),
        ("~> 4.10", DONE),
    ):
        done = run(home, "pgp", "check", str(key), "--provider-version", version)
        assert done.returncode == code, version
        assert version in done.stdout
        assert ("rsa4096" in done.stdout) == (code == REFUSED)
    layer(tmp_path / "layer", "3.39.0", {})
    done = run(home, "pgp", "check", str(key), "--layer", str(tmp_path / "layer"))
    assert done.returncode == REFUSED


def test_a_verdict_as_json(home: GpgHome) -> None:
    done = run(home, "pgp", "check", "-", "--json", "--user", "juan.delacruz", given=home.export("jane.doe"))
    (record,) = json.loads(done.stdout)
    assert (record["accepted"], record["verdict"]) == (True, "works")
    assert record["fingerprint"] == home.fingerprint("jane.doe")
    assert record["key_file"] == normalise(home.export("jane.doe")).text
    assert any("juan.delacruz" in warning for warning in record["warnings"])


def test_the_text_for_the_layer_is_printed_alone(home: GpgHome) -> None:
    done = run(home, "pgp", "check", "--text", given=home.export("jane.doe", "--armor"))
    assert (done.returncode, done.stdout) == (DONE, normalise(home.export("jane.doe")).text)
    for given in (home.export("expired"), home.run("--export")):
        done = run(home, "pgp", "check", "--text", given=given)
        assert (done.returncode, done.stdout) == (REFUSED, "")
        assert done.stderr


def test_every_form_gives_the_same_bytes(home: GpgHome, tmp_path: Path) -> None:
    binary, armored = home.export("jane.doe"), home.export("jane.doe", "--armor").decode()
    plain = base64.b64encode(binary)
    own = ("--user", "jane.doe", "--key", "jane.doe@a.example")
    request = run(home, "pgp", "request", "--project", "bb", *own).stdout
    forms: dict[str, bytes] = {
        "binary": binary,
        "wrapped": base64.encodebytes(binary),
        "one line": plain + b"%",
        "armored": armored.encode(),
        "base64 of armored": base64.b64encode(armored.encode()),
        "quoted mail": b"Hello,\n"
        + b"".join(b"> " + line for line in armored.encode().splitlines(keepends=True)),
        "request": request.encode(),
    }
    printed = {name: run(home, "pgp", "check", "--text", given=data) for name, data in forms.items()}
    assert {name: done.returncode for name, done in printed.items()} == dict.fromkeys(forms, DONE)
    (text,) = {done.stdout for done in printed.values()}
    (tmp_path / "key").write_text(text)
    assert run(home, "pgp", "check", "--text", str(tmp_path / "key")).stdout == text


def test_what_is_refused_comes_with_a_text_for_its_sender(home: GpgHome) -> None:
    secret = home.run("--export-secret-keys", home.fingerprint("juan"))
    for given in (b"keybase:jane", secret, b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ==\n"):
        done = run(home, "pgp", "check", "--json", given=given)
        (record,) = json.loads(done.stdout)
        assert "gpg " in record["sentence_for_owner"]
        assert (done.returncode, done.stderr) == (REFUSED, "")
        told = run(home, "pgp", "check", given=given)
        assert (told.returncode, told.stdout) == (REFUSED, "")
        assert record["sentence_for_owner"] in told.stderr


def test_of_a_keyring_one_has_to_be_named(home: GpgHome) -> None:
    done = run(home, "pgp", "check", given=home.run("--export"))
    assert done.returncode == REFUSED
    assert done.stdout.count("Fingerprint") == 3
    assert "--key" in done.stderr
    done = run(home, "pgp", "check", "--key", "jane.doe@a.example", given=home.run("--export"))
    assert (done.returncode, done.stdout.count("Fingerprint")) == (DONE, 1)
    done = run(home, "pgp", "check", "--key", "nobody@a.example", given=home.run("--export"))
    assert (done.returncode, done.stdout) == (REFUSED, "")
    assert "gpg " not in done.stderr


def test_the_files_of_a_layer_are_judged_as_they_are(home: GpgHome, tmp_path: Path) -> None:
    rsa = home.export("jane.doe")
    good = base64.encodebytes(rsa)
    files = {
        "jane.doe": good,
        "machine.ci": good.replace(b"\n", b"\r\n"),
        "armored": home.export("jane.doe", "--armor"),
        "binary": rsa,
        "broken": good[:-9],
        "juan": base64.encodebytes(home.export("juan")),
    }
    keys = layer(tmp_path, "3.39.0", files)
    done = run(home, "pgp", "check", str(keys), "--json")
    assert done.returncode == REFUSED
    records = {record["source"]: record for record in json.loads(done.stdout)}
    assert {name for name, record in records.items() if record["accepted"]} == {"jane.doe", "machine.ci"}
    assert {record["provider_version"] for record in records.values()} == {"3.39.0"}
    assert {record["verdict"] for record in records.values() if not record["accepted"]} == {
        "refused_by_provider"
    }
    assert records["jane.doe"]["same_key_as"] == ["armored", "binary", "machine.ci"]
    assert records["armored"]["key_file"] == good.decode()
    (keys / "gone").symlink_to("nothing")
    (keys / "folder").mkdir()
    records = {
        row["source"]: row for row in json.loads(run(home, "pgp", "check", str(keys), "--json").stdout)
    }
    assert set(records) == {*files, "gone"}
    assert not records["gone"]["accepted"]
    assert run(home, "pgp", "check", str(keys / "jane.doe")).returncode == DONE
    assert run(home, "pgp", "check", str(keys / "armored")).returncode == REFUSED
    assert run(home, "pgp", "check", str(keys / "juan"), "--provider-version", "4.67.0").returncode == DONE


def test_a_folder_elsewhere_is_checked_as_it_would_be_written(home: GpgHome, tmp_path: Path) -> None:
    (tmp_path / "jane.asc").write_bytes(home.export("jane.doe", "--armor"))
    assert run(home, "pgp", "check", str(tmp_path)).returncode == DONE
    (tmp_path / "notes.txt").write_text("no key here")
    done = run(home, "pgp", "check", str(tmp_path))
    assert done.returncode == REFUSED
    assert "✗ notes.txt: " in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["pgp"],
        ["pgp", "check", "--json", "--text"],
        ["pgp", "check", "--provider-version", "newest"],
        ["pgp", "request"],
        ["pgp", "request", "--project", "b b", "--user", "jane.doe"],
        ["pgp", "request", "--project", "bb", "--user", "jane.doe", "--new", "--key", "x"],
        ["decrypt", "--passphrase", "x"],
    ],
)
def test_wrong_usage_is_2(home: GpgHome, arguments: list[str]) -> None:
    done = run(home, *arguments)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert done.stderr


def test_what_is_not_there_or_no_key_is_1_and_told_on_standard_error(home: GpgHome, tmp_path: Path) -> None:
    for arguments in (
        ["pgp", "check", str(tmp_path / "none")],
        ["pgp", "check"],
        ["decrypt"],
        ["pgp", "check", str(tmp_path)],
    ):
        done = run(home, *arguments)
        assert (done.returncode, done.stdout) == (REFUSED, "")
        assert done.stderr
        assert "Traceback" not in done.stderr


def test_a_request_is_printed_with_the_only_good_key(home: GpgHome) -> None:
    common = ("pgp", "request", "--project", "bb", "--user", "jane.doe")
    done = run(home, *common, "--key", home.fingerprint("jane.doe")[-16:], "--reason", "new laptop")
    assert done.returncode == DONE, done.stderr
    opened = open_request(done.stdout)
    assert (opened.user, opened.fingerprint) == ("jane.doe", home.fingerprint("jane.doe"))
    assert opened.replacement
    done = run(home, *common)
    assert (done.returncode, done.stdout) == (REFUSED, "")
    assert re.search(r"\b2 ", done.stderr)
    assert "--key" in done.stderr
    for part in ("doe@a.example", "@a.example"):  # an address is meant as a whole
        done = run(home, *common, "--key", part)
        assert (done.returncode, part in done.stderr) == (REFUSED, True)
    done = run(home, *common, "--key", "Jane.Doe@A.example")
    assert open_request(done.stdout).fingerprint == home.fingerprint("jane.doe")
    done = run(home, *common, "--key", "expired@a.example")
    assert (done.returncode, done.stdout) == (REFUSED, "")
    assert "--new" in done.stderr


def test_a_new_key_is_made_with_what_is_asked_on_the_terminal() -> None:
    with gpg_home() as home:
        code, told, shown = on_terminal(
            home,
            [
                ("short name", "bb"),
                ("IAM user name", "jane.doe"),
                ("Your name", "Jane Doe"),
                ("email address", "jane@a.example"),
                ("A passphrase", PASSPHRASE),
                ("again", PASSPHRASE),
            ],
            *("pgp", "request", "--new"),  # as the text for a key's owner says it
        )
        assert code == DONE, shown
        request = open_request(told)
        assert (request.project, request.user, request.name) == ("bb", "jane.doe", "Jane Doe")
        assert request.fingerprint.encode() in home.run("--list-secret-keys", "--with-colons")
        assert PASSPHRASE not in shown + told
        assert f"{request.fingerprint}.rev" in shown


def test_two_different_passphrases_make_no_key() -> None:
    with gpg_home() as home:
        arguments = (
            "pgp",
            "request",
            "--project",
            "bb",
            "--user",
            "j.d",
            "--new",
            "--name",
            "J D",
            "--mail",
            "j@a.example",
        )
        code, told, shown = on_terminal(home, [("A passphrase", PASSPHRASE), ("again", "other")], *arguments)
        assert (code, told) == (REFUSED, "")
        assert "different" in shown
        assert home.run("--list-secret-keys") == b""


@pytest.mark.parametrize(
    "arguments", [["pgp", "check"], ["decrypt"], ["pgp", "request", "--project", "b", "--user", "j"]]
)
def test_no_screen_and_no_aws_is_loaded(home: GpgHome, arguments: list[str]) -> None:
    code = (
        "import sys, atexit\n"
        "names = lambda: sorted({name.partition('.')[0] for name in sys.modules})\n"
        "atexit.register(lambda: print(names(), file=sys.stderr))\n"
        "from tui.cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        input=home.export("jane.doe"),
        capture_output=True,
        env={**os.environ, "GNUPGHOME": str(home.path)},
        check=False,
    )
    modules = done.stderr.decode().splitlines()[-1]
    assert "'workflows'" in modules
    assert not [name for name in HEAVY if f"'{name}'" in modules]


def test_core_dumps_are_off_for_every_command_and_its_children() -> None:
    code = (
        "import resource, tui.cli.wizard as commands\n"
        "from tui.cli.main import main\n"
        "commands.sessions = lambda *_: print(resource.getrlimit(resource.RLIMIT_CORE)) or 0\n"
        "main(['sessions'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "(0, 0)\n"
