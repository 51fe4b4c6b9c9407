# ruff: noqa: F811 - fixtures are imported, and then named again as parameters
"""Every verdict on a key, against the real AWS provider: one apply with a user for each key and key file.

What is said before the apply (taken or rejected) has to be what the provider then does, and every password
that it encrypted has to open with the key.
"""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.odd_keys import odd_keys
from support.pgp import ENVIRONMENT, GpgHome, all_kinds_of_keys, gpg_home
from support.sandbox import sandbox_cache, shared_sandbox as sandbox  # noqa: F401

from workflows.core.openpgp import Tag, split
from workflows.gpg.inspect import CheckedKey, check_key
from workflows.gpg.refusals import KeyRefused
from workflows.gpg.verdict import Verdict, VerdictKind, judge, judge_file
from workflows.sandbox.mirror import PROVIDER_VERSION
from workflows.sandbox.sandbox import Sandbox
from workflows.terraform.events import Diagnostic, ResourceEvent, parse_line

pytestmark = pytest.mark.e2e

LAYER = """
terraform {{
  required_providers {{
    aws = {{
      source  = "hashicorp/aws"
      version = "{version}"
    }}
  }}
}}
provider "aws" {{
  region                      = "us-east-1"
  profile                     = "bb-management-administrator"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_get_ec2_platforms      = true
  skip_metadata_api_check     = true
  endpoints {{
    iam = "{url}"
    sts = "{url}"
  }}
}}
resource "aws_iam_user" "this" {{
  for_each = fileset("${{path.module}}/keys", "*")
  name     = each.key
}}
resource "aws_iam_user_login_profile" "this" {{
  for_each = fileset("${{path.module}}/keys", "*")
  user     = aws_iam_user.this[each.key].name
  pgp_key  = file("${{path.module}}/keys/${{each.key}}")
}}
"""
ADDRESS = 'aws_iam_user_login_profile.this["{}"]'
# What Terraform's file() cannot read fails the whole plan, so it has one of its own.
BINARY = 'output "key" {\n  value = file("${path.module}/key")\n}\n'


@pytest.fixture(scope="module")
def home() -> Iterator[GpgHome]:
    with gpg_home() as folder:
        yield folder


def key_files(keys: Mapping[str, bytes]) -> dict[str, bytes]:
    """What is met in `keys/`: every kind of key as the documentation's `gpg --export | base64` writes it."""
    files = {kind: base64.encodebytes(binary) for kind, binary in keys.items()}
    return files | forms_of(keys["rsa"]) | cuts_of(keys["rsa"])


def forms_of(key: bytes) -> dict[str, bytes]:
    """One good key in every form in which it may lie there."""
    wrapped = base64.encodebytes(key).decode()
    plain = wrapped.replace("\n", "")
    armor = subprocess.run(["gpg", "--enarmor"], input=key, env=ENVIRONMENT, capture_output=True, check=True)
    armored = armor.stdout.decode().replace("PGP ARMORED FILE", "PGP PUBLIC KEY BLOCK")
    body = [line for line in armored.splitlines() if line and "-----" not in line and ":" not in line]
    texts = {
        "crlf": wrapped.replace("\n", "\r\n"),
        "one-line": plain,
        "blanks-around": f"\n\n \u00a0{plain} \t\n\n",
        "body-without-checksum": "\n".join(body[:-1]),
        "body-with-checksum": "\n".join(body),
        "armored": armored,
        "byte-order-mark": f"\ufeff{wrapped}",
        "comment": f"  \n# jane\n{wrapped}",
        "inner-blank": f"{wrapped[:50]} {wrapped[50:]}",
        "tabs": wrapped.replace("\n", "\t\n"),
        "url-alphabet": base64.urlsafe_b64encode(key).decode(),
        "too-short": plain[:-3],
        "padding-in-the-middle": f"{plain[:100]}=={plain[100:]}",
        "too-much-padding": f"{plain}=",
        "zsh": f"{plain}%",
        "base64-of-armored": base64.b64encode(armored.encode()).decode(),
        "base64-of-garbage": base64.b64encode(b"hello hello").decode(),
        "empty": "",
        "only-a-line-break": "\n",
    }
    return {name: text.encode() for name, text in texts.items()}


def cuts_of(key: bytes) -> dict[str, bytes]:
    """A key that ends too early, in and after each of its parts, and one with something behind it."""
    files, end = {}, 0
    for number, packet in enumerate(split(key)):
        end += len(packet.raw)
        kind = Tag(packet.tag).name.lower()
        files[f"cut-in-{number}-{kind}"] = key[: end - 3]
        files[f"cut-after-{number}-{kind}"] = key[:end]
    files["garbage-behind"] = key + b"\x00\x01"
    files["marker-before"] = bytes([0xCA, 3]) + b"PGP" + key
    return {name: base64.encodebytes(data) for name, data in files.items()}


def terraform(sandbox: Sandbox, layer: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*sandbox.terraform_argv, *arguments],
        cwd=layer,
        env=dict(sandbox.administrator.environment),
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def apply(sandbox: Sandbox, layer: Path) -> dict[str, str]:
    """Apply, and what came of each login profile: "" for made, else the provider's error."""
    done = terraform(sandbox, layer, "init", "-input=false", "-no-color")
    assert done.returncode == 0, done.stdout + done.stderr
    done = terraform(sandbox, layer, "apply", "-json", "-auto-approve", "-input=false", "-parallelism=20")
    results = {}
    for line in done.stdout.splitlines():
        event = parse_line(line)
        if isinstance(event, ResourceEvent) and event.kind == "apply_complete":
            results[event.address] = ""
        elif isinstance(event, Diagnostic) and event.is_error:
            results[event.address] = event.summary
    return results


def disagreements(verdicts: Mapping[str, Verdict], results: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Every file of which something else was said than the provider did."""
    found: dict[str, tuple[str, ...]] = {}
    for name, verdict in verdicts.items():
        error = results[ADDRESS.format(name)]
        rejected = verdict.kind is VerdictKind.REFUSED_BY_PROVIDER
        fails_on_the_key = "PGP" in error
        if not rejected == fails_on_the_key == bool(error) or verdict.kind is VerdictKind.UNVERIFIED:
            found[name] = (verdict.kind.name, verdict.headline, error)
    return found


def test_every_verdict_is_what_the_provider_does(sandbox: Sandbox, home: GpgHome) -> None:
    keys = all_kinds_of_keys(home) | odd_keys(home)
    files = key_files(keys)
    layer = sandbox.folder / "verdicts"
    (layer / "keys").mkdir(parents=True)
    (layer / "main.tf").write_text(LAYER.format(version=PROVIDER_VERSION, url=sandbox.endpoint_url))
    for name, data in files.items():
        (layer / "keys" / name).write_bytes(data)
    now = datetime.now(UTC)
    judged = {
        name: judge_file(data, PROVIDER_VERSION, now, environment=ENVIRONMENT) for name, data in files.items()
    }
    normal = {f"{name}-normalised": checked for name, checked in normalised(keys)}
    verdicts = {name: said.verdict for name, said in judged.items()}
    for name, checked in normal.items():
        verdict = judge(checked.details, PROVIDER_VERSION, now)
        if verdict.kind is not VerdictKind.REFUSED_BY_US:
            (layer / "keys" / name).write_text(checked.key.text)
            verdicts[name] = verdict

    results = apply(sandbox, layer)

    assert disagreements(verdicts, results) == {}
    works = {name for name, verdict in verdicts.items() if verdict.kind is VerdictKind.WORKS}
    assert len(works) > 30
    assert undecipherable(layer, home, works) == {}


def normalised(keys: Mapping[str, bytes]) -> Iterator[tuple[str, CheckedKey]]:
    """Each key as it would be written, without those that are no public key."""
    for name, binary in keys.items():
        with contextlib.suppress(KeyRefused):
            yield name, check_key(binary, environment=ENVIRONMENT)


def undecipherable(layer: Path, home: GpgHome, names: set[str]) -> dict[str, str]:
    """The names whose password in the state does not open with the key, with what gpg says."""
    state = json.loads((layer / "terraform.tfstate").read_text())
    passwords = {
        instance["index_key"]: base64.b64decode(instance["attributes"]["encrypted_password"])
        for resource in state["resources"]
        if resource["type"] == "aws_iam_user_login_profile"
        for instance in resource["instances"]
        if "encrypted_password" in instance["attributes"]
    }
    failures = {}
    for name in names:
        try:
            assert len(home.run("--decrypt", stdin=passwords[name])) == 20  # password_length's default
        except AssertionError as error:
            failures[name] = str(error)
    return failures


def test_a_binary_file_fails_already_at_the_plan(sandbox: Sandbox, home: GpgHome) -> None:
    home.key("plan")
    layer = sandbox.folder / "binary"
    layer.mkdir()
    (layer / "main.tf").write_text(BINARY)
    (layer / "key").write_bytes(home.export("plan"))
    verdict = judge_file(
        home.export("plan"), PROVIDER_VERSION, datetime.now(UTC), environment=ENVIRONMENT
    ).verdict
    done = terraform(sandbox, layer, "plan", "-no-color")
    assert done.returncode == 1
    assert "not valid UTF-8" in " ".join(done.stderr.split())
    assert verdict.kind is VerdictKind.REFUSED_BY_PROVIDER
