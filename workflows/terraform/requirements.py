"""Which AWS provider a layer's own files ask for.

It decides which PGP keys work, so a folder with nothing but the layer in it has to do to know it: no
variables, no accounts, no binary.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workflows.core.files import cause_of, load_file
from workflows.core.parsing import MAX_HCL, parse_hcl
from workflows.core.shapes import as_list

LOCK_FILE = ".terraform.lock.hcl"


def _load(path: Path) -> Mapping[str, Any]:
    try:
        return parse_hcl(_bytes(path).decode("utf-8-sig"))
    except ValueError as error:
        raise ValueError(f"iam-onboard can't read {path}: {error}") from error


def _bytes(path: Path) -> bytes:
    try:
        return load_file(path, MAX_HCL)
    except OSError as error:
        raise ValueError(f"iam-onboard can't read {path}: {cause_of(error)}") from error


def provider_wanted(layer: Path) -> str | None:
    """The AWS provider of a layer.

    Args:
        layer: the layer's folder.

    Returns:
        The version in the lock file ("3.39.0"); without one, the constraint of `required_providers` or of an
        older `provider` block ("~> 3.27"), several of them joined with commas; None if unknown.

    Raises:
        ValueError: a file that would tell cannot be read or parsed.
    """
    lock = layer / LOCK_FILE
    if lock.is_file():
        for source, provider in _load(lock).get("provider", {}).items():
            if source.endswith("/hashicorp/aws") and provider.get("version"):
                return str(provider["version"])
    wanted: list[str] = []
    for path in sorted(layer.glob("*.tf")):
        data = _bytes(path)
        if b"required_providers" in data or b"provider" in data:
            wanted += _constraints(_load(path))
    return ", ".join(dict.fromkeys(wanted)) or None


def _constraints(loaded: Mapping[str, Any]) -> list[str]:
    """The constraints on the provider `aws` in the blocks of one file."""
    found: list[str] = []
    for terraform in _as_blocks(loaded.get("terraform")):
        for required in _as_blocks(terraform.get("required_providers")):
            aws = required.get("aws")
            # "~> 2.0" alone is how Terraform 0.12 wrote it.
            found.append(str(aws.get("version", "")) if isinstance(aws, dict) else str(aws or ""))
    for providers in _as_blocks(loaded.get("provider")):
        found += [str(aws.get("version", "")) for aws in _as_blocks(providers.get("aws"))]
    return [constraint for constraint in found if constraint]


def _as_blocks(value: object) -> list[Mapping[str, Any]]:
    """One block or a list of them, as a list."""
    return [block for block in as_list(value) if isinstance(block, dict)]
