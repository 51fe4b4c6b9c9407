"""Which binary and which AWS provider a layer asks for: its lock file and its `required_version`.

A newer binary upgrades the state and a provider's version decides which PGP keys work, so both are facts
to know before anything is run. Source of the format: Terraform's "Dependency Lock File" page; OpenTofu's
is the same with its registry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from workflows.layer.document import Document
from workflows.layer.values import evaluate

if TYPE_CHECKING:
    from pathlib import Path

_REGISTRIES: dict[str, Literal["terraform", "opentofu"]] = {
    "registry.terraform.io": "terraform",
    "registry.opentofu.org": "opentofu",
}


@dataclass(frozen=True, slots=True)
class LockedProvider:
    """The AWS provider that a lock file pins.

    Attributes:
        version: as `3.39.0`, or "" when the file does not say.
        registry: whose registry the lock file names; None for a registry of somebody else.
    """

    version: str
    registry: Literal["terraform", "opentofu"] | None


def read_lock_file(path: Path) -> LockedProvider | None:
    """The AWS provider of a `.terraform.lock.hcl`; None without the file or without that provider in it."""
    if not path.is_file():
        return None
    document = Document(path.name, path.read_bytes())
    for block in document.blocks:
        if block.kind == "provider" and block.label.endswith("/hashicorp/aws"):
            version = block.attributes.get("version")
            value = evaluate(document, version.value, {}) if version else ""
            host = block.label.partition("/")[0]
            return LockedProvider(value if isinstance(value, str) else "", _REGISTRIES.get(host))
    return None


def read_required_version(folder: Path) -> str | None:
    """The `required_version` constraints of a layer's `terraform` blocks, joined with commas, or None."""
    found: list[str] = []
    for path in sorted(folder.glob("*.tf")):
        data = path.read_bytes() if path.is_file() else b""
        if b"required_version" not in data:
            continue
        document = Document(path.name, data)
        for block in document.blocks:
            attribute = block.attributes.get("required_version") if block.kind == "terraform" else None
            value = evaluate(document, attribute.value, {}) if attribute else None
            if isinstance(value, str):
                found.append(value)
    return ", ".join(found) or None
