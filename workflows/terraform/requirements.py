"""What a layer's own files ask for: whether it has to be initialised first, and which AWS provider.

What is missing of its providers and modules, and that its backend block is another one, Terraform says when
it plans. What it doesn't compare is the project's backend file with the backend that it was initialised with.

The AWS provider decides which PGP keys work, so a folder with nothing but the layer in it has to do to know
it: no variables, no accounts, no binary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workflows.core.files import cause_of, load_file
from workflows.core.parsing import MAX_HCL, parse_hcl
from workflows.core.shapes import as_list
from workflows.terraform.state import noted_backend

LOCK_FILE = ".terraform.lock.hcl"
_SOURCE = "hashicorp/aws"


def init_needed(data: Path, backend_configs: Sequence[Path]) -> bool:
    """Whether init has something to do, or to refuse, that Terraform would not say itself.

    Args:
        data: where Terraform keeps what init installs for the layer.
        backend_configs: the files that `init -backend-config` gets.
    """
    if not data.is_dir():
        return True
    try:
        stored = noted_backend(data).get("config") or {}
        given = {name: value for path in backend_configs for name, value in _load(path).items()}
    except (OSError, ValueError, AttributeError):
        return True
    return any(not _equal(value, stored.get(name)) for name, value in given.items())


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


def _equal(wanted: object, stored: object) -> bool:
    """Whether two settings are the same.

    Files write `"true"` where Terraform stores a truth value, and it stores every part of an object, the
    parts that nobody set as null.
    """
    if isinstance(wanted, dict) and isinstance(stored, dict):
        return all(_equal(wanted.get(name), stored.get(name)) for name in {*wanted, *stored})
    if isinstance(wanted, list) and isinstance(stored, list):
        return [str(value) for value in wanted] == [str(value) for value in stored]
    return str(wanted).lower() == str(stored).lower()


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
            if source.endswith(f"/{_SOURCE}") and provider.get("version"):
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
