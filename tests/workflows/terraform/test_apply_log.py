"""The stored output of an apply must not contain secrets."""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path

from workflows.terraform.runner import Kind, Run

CIPHERTEXT = base64.b64encode(os.urandom(380)).decode()
KEY = base64.encodebytes(os.urandom(900)).decode()
ARMORED = f"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{KEY}=abcd\n-----END PGP PUBLIC KEY BLOCK-----"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
CANARIES = {
    "account id": "123456789012",
    "ARN": "arn:aws:iam::123456789012:user/jane.doe",
    "key id": "AKIAIOSFODNN7EXAMPLE",
    "user id": "AIDAIOSFODNN7EXAMPLE",
    "encrypted password": CIPHERTEXT,
    "part of the key": KEY.splitlines()[3],
    "secret": SECRET,
    "mail password": "BM3zVsqWcVt1qkvKv0AVlE9dGdmEXAMPLE12345abcdE",
}


def event(kind: str, message: str, **fields: object) -> str:
    return json.dumps({"@level": "info", "@message": message, "type": kind, **fields})


def test_no_canary_stays_in_the_log_and_the_raw_output_is_gone(tmp_path: Path) -> None:
    every = " ".join(CANARIES.values())
    lines = [
        event("log", f"jane.doe: Creation complete [id={CANARIES['ARN']}]"),
        event("log", f"access key {CANARIES['key id']}, user {CANARIES['user id']}"),
        event("log", f"pgp_key = {ARMORED}"),
        event("log", f'encrypted_password = "{CIPHERTEXT}"'),
        event("log", f'secret = "{SECRET}"'),
        event("outputs", "Outputs: 1", outputs={"password": {"sensitive": False, "value": every}}),
        event("diagnostic", "Error: x", diagnostic={"severity": "error", "summary": "x", "detail": every}),
        event("resource_of_tomorrow", "Something new", value=every),
        f"panic: in account {CANARIES['account id']} with {SECRET}",
        ARMORED,
        f'ses_smtp_password_v4 = "{CANARIES["mail password"]}"',
        '{"@message": "torn ' + CIPHERTEXT,
    ]
    program = tmp_path / "say"
    program.write_text("\n".join(lines))
    run = Run.start(
        [sys.executable, "-c", f"print(open({str(program)!r}).read(), end='')"],
        kind=Kind.APPLY,
        folder=tmp_path / "apply",
        cwd=tmp_path,
        environment={"PATH": "/usr/bin:/bin"},
    )
    assert run.follow().succeeded
    log = tmp_path / "apply.log"
    run.keep_redacted(log)
    text = log.read_text()
    assert {name for name, canary in CANARIES.items() if canary in text} == set()
    assert "jane.doe: " in text
    assert "Something new" in text
    assert log.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "apply").exists()
