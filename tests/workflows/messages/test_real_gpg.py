"""The checks of messages accept gpg's ciphertexts and public keys, but not its secret keys."""

from __future__ import annotations

import base64
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.message_samples import identity, request

from workflows.messages import rules
from workflows.messages.handoff import Handoff, open_handoff
from workflows.messages.request import open_request

PARAMETERS = """%no-protection
Key-Type: RSA
Key-Length: 2048
Subkey-Type: RSA
Subkey-Length: 2048
Subkey-Usage: encrypt
Name-Real: Jane Doe
Expire-Date: 0
%commit
"""


@pytest.fixture(scope="module")
def gpg_home() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="io-", dir="/tmp"))
    try:
        gpg(home, "--gen-key", data=PARAMETERS.encode())
        yield home
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)
        shutil.rmtree(home)


def gpg(home: Path, *arguments: str, data: bytes = b"") -> bytes:
    command = ["gpg", "--homedir", str(home), "--batch", "--trust-model", "always", *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def fingerprints(home: Path) -> list[str]:
    listing = gpg(home, "--list-keys", "--with-colons", "--with-subkey-fingerprint").decode()
    return [line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:")]


def test_an_encrypted_password_is_accepted_as_it_is(gpg_home: Path) -> None:
    primary, _ = fingerprints(gpg_home)
    ciphertext = base64.b64encode(gpg(gpg_home, "--recipient", primary, "--encrypt", data=b"canary")).decode()
    handoff = Handoff("bb", (identity(encrypted_password=ciphertext, key_fingerprint=primary),))
    opened = open_handoff(handoff.render()).identities[0].encrypted_password
    assert opened is not None
    assert gpg(gpg_home, "--decrypt", data=base64.b64decode(opened)) == b"canary"


def test_the_lines_for_a_person_without_the_wizard_work_in_a_shell(gpg_home: Path) -> None:
    primary, _ = fingerprints(gpg_home)
    ciphertext = base64.b64encode(gpg(gpg_home, "--recipient", primary, "--encrypt", data=b"canary")).decode()
    text = Handoff("bb", (identity(encrypted_password=ciphertext, key_fingerprint=primary),)).render()
    script = text[text.index("base64 --decode") : text.index("\nEND\n") + 5]
    shell = ["sh", "-c", script]
    result = subprocess.run(
        shell, env={"PATH": "/usr/bin:/bin", "GNUPGHOME": str(gpg_home)}, capture_output=True, check=True
    )
    assert result.stdout == b"canary"


def test_an_exported_public_key_is_accepted_and_a_secret_one_is_not(gpg_home: Path) -> None:
    primary, _ = fingerprints(gpg_home)
    public = base64.b64encode(gpg(gpg_home, "--export", primary)).decode()
    secret = base64.b64encode(gpg(gpg_home, "--export-secret-keys", primary)).decode()
    good = request(public_key=public, fingerprint=primary)
    assert open_request(good.render()) == good
    (problem,) = rules.public_key(secret, primary)
    assert (problem.field, "SECRET" in problem.message) == ("public_key", True)
    assert rules.public_key(public, primary) == []


def test_what_gpg_encrypts_to_a_passphrase_or_only_signs_is_no_encrypted_password(gpg_home: Path) -> None:
    signed = base64.b64encode(gpg(gpg_home, "--sign", data=b"canary")).decode()
    symmetric = gpg(
        gpg_home, "--pinentry-mode", "loopback", "--passphrase", "x", "--symmetric", data=b"canary"
    )
    for text in (signed, base64.b64encode(symmetric).decode()):
        assert [problem.field for problem in rules.ciphertext(text, "password")] == ["password"]
