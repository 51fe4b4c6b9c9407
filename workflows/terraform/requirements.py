"""What a layer's own files ask for: whether it has to be initialised before a plan, and which AWS provider.

Terraform would say so itself, but only as an error of the plan. What it compares is in `.terraform`: the
installed providers against the lock file, `modules.json` against the module blocks, and the stored backend
against the layer's backend block and the project's backend file. Where a comparison is not sure, init is run:
it takes half a second and changes nothing that fits.

The AWS provider decides which PGP keys work, so a folder with nothing but the layer in it has to do to know
it: no variables, no accounts, no binary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from workflows.core.files import cause_of, load_file
from workflows.core.parsing import MAX_HCL, parse_hcl, parse_json
from workflows.core.sentences import Sentence
from workflows.core.shapes import as_list
from workflows.core.versions import VersionNumber, allows

LOCK_FILE = ".terraform.lock.hcl"
_SOURCE = "hashicorp/aws"
_SCHEME = re.compile(
    r"^(?:git::)?(?:https://|ssh://)?(?:git@)?(?:registry\.(?:terraform\.io|opentofu\.org)/)?"
)


def init_needed(
    layer: Path, backend_configs: Sequence[Path] = (), *, data_folder: Path | None = None
) -> tuple[Sentence, ...]:
    """Say why a layer has to be initialised, in words; nothing if it has not.

    Args:
        layer: the layer's folder.
        backend_configs: the files that `init -backend-config` gets.
        data_folder: where Terraform keeps what it installs, if not in `.terraform` (TF_DATA_DIR).
    """
    data = data_folder or layer / ".terraform"
    if not data.is_dir():
        return ("it was never initialised here",)
    try:
        blocks = list(_blocks(layer))
        given = [_load(path) for path in backend_configs]
    except ValueError:
        return ("iam-onboard can't read all of its files",)
    return (*_providers(layer, data), *_modules(blocks, layer, data), *_backend(blocks, given, data))


def _blocks(layer: Path) -> Iterator[Mapping[str, Any]]:
    """The files in the order in which Terraform takes them in: those that override others come last."""
    paths = {path.name: path for path in layer.glob("*.tf")}
    overriding = {name for name in paths if name == "override.tf" or name.endswith("_override.tf")}
    for name in (*sorted(paths.keys() - overriding), *sorted(overriding)):
        yield _load(paths[name])


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


def _providers(layer: Path, data: Path) -> Iterator[str]:
    lock = layer / LOCK_FILE
    installed = data / "providers"
    if not lock.is_file():
        if installed.is_dir() and any(installed.iterdir()):
            yield "its lock file is gone"
        return
    try:
        locked = _load(lock).get("provider", {})
    except ValueError:
        yield "iam-onboard can't read its lock file"
        return
    for source, provider in locked.items():
        if not (installed / source / str(provider.get("version", ""))).is_dir():
            yield f"provider {source} {provider.get('version', '')} isn't installed"


def _modules(blocks: Sequence[Mapping[str, Any]], layer: Path, data: Path) -> Iterator[str]:
    wanted: dict[str, dict[str, Any]] = {}
    for block in blocks:
        for name, module in block.get("module", {}).items():
            wanted[name] = {**wanted.get(name, {}), **module}
    if not wanted:
        return
    try:
        text = load_file(data / "modules" / "modules.json", MAX_HCL)
        installed = {module["Key"]: module for module in parse_json(text)["Modules"]}
    except (OSError, ValueError, KeyError, TypeError):
        yield "its modules aren't installed"
        return
    for name, module in wanted.items():
        found = installed.get(name)
        if found is None or not (layer / str(found.get("Dir", ""))).is_dir():
            yield f"module {name} isn't installed"
        elif not _same_module(module, found):
            yield f"module {name} has another source or version"


def _same_module(written: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    if _plain(str(written.get("source", ""))) != _plain(str(found.get("Source", ""))):
        return False
    constraint = written.get("version")
    if not constraint:
        return True
    try:
        return allows(str(constraint), VersionNumber.parse(str(found.get("Version", ""))))
    except ValueError:
        return False


def _plain(source: str) -> str:
    """A module's source without what Terraform adds to it: the scheme, the registry's host."""
    return _SCHEME.sub("", source, count=1).replace("github.com:", "github.com/").replace(".git", "")


def _backend(
    blocks: Sequence[Mapping[str, Any]], given: Sequence[Mapping[str, Any]], data: Path
) -> Iterator[str]:
    written: dict[str, Mapping[str, Any]] = {}
    for block in blocks:
        for settings in _as_blocks(block.get("terraform")):
            written = settings.get("backend") or written  # one in an override file takes the other's place
    try:
        stored = parse_json(load_file(data / "terraform.tfstate", MAX_HCL)).get("backend")
    except FileNotFoundError:
        stored = None
    except (OSError, ValueError, AttributeError):
        yield "what it knows of its backend cannot be read"
        return
    if not written:
        if stored:
            yield "its backend was removed"
        return
    kind, own = next(iter(written.items()))
    if not stored or stored.get("type") != kind:
        yield "its backend was changed"
        return
    wanted: dict[str, Any] = dict(own)
    for values in given:
        wanted.update(values)
    config = stored.get("config") or {}
    changed = sorted(name for name, value in wanted.items() if not _equal(value, config.get(name)))
    if changed:
        yield f"its backend was changed ({', '.join(changed)})"


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
