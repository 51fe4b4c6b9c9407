"""A layer's state where it is kept, read without Terraform: looking at a project runs no program of it.

What init noted in `.terraform` says where that is. Only places that can be read as they are count: a file,
and an object of a bucket that nothing but the layer's profile opens. Of any other, nobody claims anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflows.core.files import load_file
from workflows.core.parsing import parse_json
from workflows.terraform.state import State, read_state, without_clear_secrets
from workflows.terraform.state_mark import StateMark, read_mark

MAX_BYTES = 100_000_000
_DEFAULT = "default"
_OWN_ACCESS = (
    *("role_arn", "assume_role", "assume_role_with_web_identity", "access_key", "token"),
    *("sse_customer_key", "shared_credentials_file", "shared_credentials_files", "shared_config_files"),
)
"""Settings of an S3 backend by which it signs differently from the layer's profile."""
_OWN_ENDPOINT = ("endpoint", "endpoints")


@dataclass(frozen=True)
class Bucket:
    """An object of S3 that is a state."""

    bucket: str
    key: str
    region: str


@dataclass(frozen=True)
class StoredState:
    """What was read of a state.

    Attributes:
        mark: which version of it this is.
        state: what it says about identities.
    """

    mark: StateMark
    state: State


NEVER_WRITTEN = StoredState(StateMark("", 0), State())


def place_of(
    layer: Path, environment: Mapping[str, str], *, own_endpoint: bool = False
) -> Path | Bucket | None:
    """Where a layer's state is kept, as init noted it; None where that is not known, or can't be read here.

    Args:
        layer: the layer's folder.
        environment: the person's, for Terraform's own variables.
        own_endpoint: whether a backend of another address than AWS's is the AWS that is meant.

    Raises:
        OSError: what init noted can't be read.
    """
    data = layer / environment.get("TF_DATA_DIR", ".terraform")
    if not data.is_dir() or _workspace(data, environment) != _DEFAULT:
        return None
    try:
        noted = parse_json(load_file(data / "terraform.tfstate", MAX_BYTES)).get("backend") or {}
        kind, settings = noted.get("type", "local"), noted.get("config") or {}
    except FileNotFoundError:
        kind, settings = "local", {}
    except (ValueError, AttributeError):
        return None
    if kind == "local":
        return layer / str(settings.get("path") or "terraform.tfstate")
    named = [str(settings.get(name) or "") for name in ("bucket", "key", "region")]
    others = _OWN_ACCESS if own_endpoint else (*_OWN_ACCESS, *_OWN_ENDPOINT)
    plain = kind == "s3" and all(named[:2]) and not any(settings.get(name) for name in others)
    return Bucket(*named) if plain else None


def _workspace(data: Path, environment: Mapping[str, str]) -> str:
    if named := environment.get("TF_WORKSPACE"):
        return named
    try:
        return load_file(data / "environment", MAX_BYTES).decode(errors="replace").strip() or _DEFAULT
    except FileNotFoundError:
        return _DEFAULT


def read_stored(text: str) -> StoredState | None:
    """What a stored state says; None if it is encrypted, or in another form than Terraform's fourth.

    Secrets in clear are dropped as it is read.
    """
    if not text.strip():
        return NEVER_WRITTEN
    try:
        stored, mark = parse_json(text, object_hook=without_clear_secrets), read_mark(text)
        if mark is None or stored.get("version") != 4:
            return None
        shown = {"values": {"root_module": {"resources": list(_resources(stored["resources"]))}}}
        return StoredState(mark, read_state(shown))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _resources(resources: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The resources as `show -json` has them."""
    for one in resources:
        data = "data." if one["mode"] == "data" else ""
        module = f"{one['module']}." if one.get("module") else ""
        for instance in one["instances"]:
            if "attributes" not in instance or "deposed" in instance:
                continue
            key = instance.get("index_key")
            index = "" if key is None else f"[{json.dumps(key)}]"
            yield {
                "mode": one["mode"],
                "type": one["type"],
                "address": f"{module}{data}{one['type']}.{one['name']}{index}",
                "values": instance["attributes"],
            }
