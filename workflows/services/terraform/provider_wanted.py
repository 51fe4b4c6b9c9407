"""Which AWS provider a layer runs with, as far as its files tell: the locked version, else what it asks for.

It decides which PGP keys work, so a folder with nothing but the layer in it has to do: no variables, no
accounts, no binary.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

LOCK_FILE = ".terraform.lock.hcl"
_SOURCE = "hashicorp/aws"


def provider_wanted(layer: Path) -> str | None:
    """The AWS provider of a layer.

    Args:
        layer: the layer's folder.

    Returns:
        The version in the lock file ("3.39.0"); without one, the constraint of `required_providers` or of an
        older `provider` block ("~> 3.27"), several of them joined with commas; None if nothing tells.

    Raises:
        ValueError: a file that would tell cannot be read or parsed.
    """
    lock = layer / LOCK_FILE
    if lock.is_file():
        for source, provider in _load(lock).get("provider", {}).items():
            if source.endswith(f"/{_SOURCE}") and provider.get("version"):
                return str(provider["version"])
    wanted: list[str] = []
    for path in sorted(layer.glob("*.tf")):
        data = path.read_bytes()
        if b"required_providers" in data or b"provider" in data:
            wanted += _constraints(_load(path))
    return ", ".join(dict.fromkeys(wanted)) or None


def _constraints(loaded: dict[str, Any]) -> list[str]:
    """The constraints on the provider `aws` in the blocks of one file."""
    found: list[str] = []
    for terraform in _blocks(loaded.get("terraform")):
        for required in _blocks(terraform.get("required_providers")):
            aws = required.get("aws")
            # "~> 2.0" alone is how Terraform 0.12 wrote it.
            found.append(str(aws.get("version", "")) if isinstance(aws, dict) else str(aws or ""))
    for providers in _blocks(loaded.get("provider")):
        found += [str(aws.get("version", "")) for aws in _blocks(providers.get("aws"))]
    return [constraint for constraint in found if constraint]


def _blocks(value: object) -> list[dict[str, Any]]:
    """One block or a list of them, as a list."""
    values = value if isinstance(value, list) else [value]
    return [block for block in values if isinstance(block, dict)]


def _load(path: Path) -> dict[str, Any]:
    import pygohcl  # noqa: PLC0415 - a Go library of 10 MB that --help does not need

    try:
        loaded: dict[str, Any] = pygohcl.loads(path.read_text("utf-8-sig"))
    except (pygohcl.HCLParseError, OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    return loaded
