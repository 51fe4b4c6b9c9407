"""Find a Leverage project from any folder in it: its accounts, variables and base-identities layers.

The layout is that of binbash Leverage (`build.env`, `config/common.tfvars`, one folder an account, the
identities layer in `<account>/global/base-identities`), including older names still in use:
`.config` instead of `.tfvars`, `<account>/base-identities` or `<account>/identities`, `root` instead of
`management`, single variables instead of a map of accounts.

A newer binary upgrades the state, and the provider's version decides which PGP keys work. So a layer's
requirements are read before anything runs: its lock file (Terraform's "Dependency Lock File" page; OpenTofu's
is the same with its own registry) and its `required_version`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from workflows.core.files import cause_of, load_file
from workflows.core.grouping import by_key
from workflows.core.sentences import OnboardError, enumerated
from workflows.core.shapes import texts
from workflows.hcl.document import Block, Document
from workflows.hcl.parsing import MAX_VARIABLES, load_hcl
from workflows.hcl.values import fields_at, object_key, read_variables, text_of
from workflows.layer.files import backends, read_documents, refuse_outside
from workflows.layer.model import Account, LayerLocation, LockedProvider, Project

LAYER_PATHS = ("global/base-identities", "base-identities", "global/identities", "identities", "3_identities")
"""Paths of the identities layer in an account's folder, the current one first, that of 2019 last."""

_REGIONAL = ("*-[0-9]/base-identities", "*_region/base-identities")
"""In 2022 some layers were in a region's folder, such as `root/us-east-1/base-identities`."""

ORGANIZATION_ACCOUNTS = ("management", "root")
"""Folders of the organisation's own account; `root` until 2022."""

_LOCK_FILE = ".terraform.lock.hcl"
_ENDINGS = (".tfvars", ".config")

_SINGLE = "_account_id"
"""Suffix of the variables with account ids until 2021: `security_account_id = "…"`, `appsprd_account_id`."""

_REGISTRIES: dict[str, Literal["terraform", "opentofu"]] = {
    "registry.terraform.io": "terraform",
    "registry.opentofu.org": "opentofu",
}


class ProjectError(OnboardError):
    """A folder is not a complete Leverage project; names what is missing and where it was expected."""


class LayerIncomplete(ProjectError):  # noqa: N818 - it says what is wrong
    """A layer lacks files or values that Terraform needs; the project's other layers still work."""


def find_project(start: Path) -> Project:
    """Find the project that contains a folder.

    Args:
        start: any folder (or file) in the project; symbolic links are followed.

    Raises:
        ProjectError: there is no project, its variables or accounts are missing, or a file or folder cannot
            be read.
        BadVariables: a variables file cannot be read or parsed.
        LeadsOutside: a layer's folder or one of its files is a link to a place outside the project.
    """
    with reading_project(start):
        return _found(_find_root(start))


@contextmanager
def reading_project(start: Path) -> Iterator[None]:
    """Turn an OSError into an error that names the unreadable file or folder of a project or layer.

    Raises:
        ProjectError: one cannot be read.
    """
    try:
        yield
    except OSError as error:
        raise ProjectError(
            "Can't read the project",
            f"{error.filename or start} can't be read.",
            why=cause_of(error),
            next="Check with `ls -ld` who owns it and what its mode is, then try again.",
        ) from error


def _found(root: Path) -> Project:
    common = variables_file(root / "config", "common")
    if common is None:
        raise _missing_common(root)
    refuse_outside(root, (common, root / "build.env"))
    values = read_variables(common)
    accounts = _accounts(values, common, root)
    if not accounts:
        raise ProjectError(
            "The project has no accounts",
            f"{common} doesn't set `accounts`, or leaves it empty.",
            why="iam-onboard uses it to check that a layer is applied to the right account.",
            next='Add  accounts = { security = { email = "…", id = "123456789012" } }  with all accounts.',
        )
    build_env = read_build_env(root / "build.env") if (root / "build.env").is_file() else {}
    warnings: list[str] = []
    layers, left_out = _layers(root, accounts, warnings)
    name = _text(values, "project")
    if not name:
        raise ProjectError(
            "The project has no name",
            f"{common} doesn't set `project`.",
            why="The short project name is the prefix of every profile and the folder under ~/.aws.",
            next=f'Add a line such as  project = "bb"  to {common}.',
        )
    region = _region(values) or next(filter(None, (layer.region for layer in layers)), "")
    lacks = (
        (not layers, "No account folder holds a base-identities layer, so there is nothing to edit."),
        (
            not region,
            "No file names the project's region, so iam-onboard can't make handoffs. Set region_primary.",
        ),
    )
    return Project(
        root=root,
        name=name,
        long_name=_text(values, "project_long") or name,
        region_primary=region,
        region_secondary=_text(values, "region_secondary"),
        regions_allowed=texts(values.get("regions_allowed")),
        accounts=accounts,
        build_env=build_env,
        binary=build_env.get("TF_BINARY") or None,
        mfa_enabled=build_env.get("MFA_ENABLED", "").strip().lower() == "true",
        sso_enabled=values.get("sso_enabled") is True,
        layers=tuple(layers),
        warnings=(*warnings, *_same_ids(accounts), *(warning for applies, warning in lacks if applies)),
        left_out=left_out,
    )


def _same_ids(accounts: Iterable[Account]) -> Iterator[str]:
    """Yield a warning for accounts with the same id: a layer could be checked against the wrong account."""
    for number, names in by_key((account.id, account.name) for account in accounts if account.id).items():
        if len(names) > 1:
            yield f"The common variables give {enumerated(names)} the same id, {number}. Correct one of them."


def read_build_env(path: Path) -> dict[str, str]:
    """Read the `NAME=value` lines of a `build.env`, without comments, blank lines and quotes.

    Raises:
        OSError: the file cannot be read.
    """
    found: dict[str, str] = {}
    for line in load_file(path, MAX_VARIABLES).decode(errors="replace").splitlines():
        name, sign, value = line.strip().removeprefix("export ").partition("=")
        if sign and not name.startswith("#"):
            value = value.strip()
            quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'"
            found[name.strip()] = value[1:-1] if quoted else value.partition(" #")[0].rstrip()
    return found


def _find_root(start: Path) -> Path:
    start = start.resolve()
    if not start.exists():
        raise ProjectError(
            "There is no such folder",
            f"{start} doesn't exist.",
            next="Use the project's folder, or any folder in it.",
        )
    for folder in (start, *start.parents):
        config = folder / "config"
        if (folder / "build.env").is_file() or any(
            (config / f"common{ending}").is_file() for ending in (*_ENDINGS, ".tfvars.example")
        ):
            return folder
    raise ProjectError(
        "This isn't a Leverage project",
        f"Neither {start} nor any folder above it is the root of a project.",
        why="A project's root holds build.env and config/common.tfvars (or the older config/common.config).",
        next="Enter the project's folder, or start iam-onboard in it.",
    )


def variables_file(folder: Path, name: str) -> Path | None:
    """Return a folder's variables file with the current or the older extension, or None."""
    return next((folder / f"{name}{end}" for end in _ENDINGS if (folder / f"{name}{end}").is_file()), None)


def _missing_common(root: Path) -> ProjectError:
    example = root / "config" / "common.tfvars.example"
    hint = (
        f"Copy {example} to common.tfvars beside it and fill in the accounts."
        if example.is_file()
        else "Ask a colleague for the file: it is often kept out of git because of the account ids in it."
    )
    return ProjectError(
        "The project's variables are missing",
        f"There is no config/common.tfvars (or config/common.config) in {root}.",
        why="It names the project, its regions and its accounts; every layer is planned with it.",
        next=hint,
    )


def _layers(
    root: Path, accounts: tuple[Account, ...], warnings: list[str]
) -> tuple[list[LayerLocation], dict[str, OnboardError]]:
    """Return the layers, and why others are left out, by account; raise if that leaves none."""
    left_out: dict[str, OnboardError] = {}
    known = {account.name: account for account in accounts}
    found: list[LayerLocation] = []
    folders = [folder for folder in root.iterdir() if folder.is_dir() and not folder.name.startswith(".")]
    rank = {name: number for number, name in enumerate((*ORGANIZATION_ACCOUNTS, "security"))}
    for folder in sorted(folders, key=lambda folder: (rank.get(folder.name, len(rank)), folder.name)):
        try:
            paths = _layer_folders(folder)
        except PermissionError as error:
            if folder.name in known:
                raise
            warnings.append(f"{error.filename} can't be read, so the folder {folder.name} is left out.")
            continue
        if len(paths) > 1:
            used, left = (path.relative_to(folder).as_posix() for path in paths[:2])
            warnings.append(f"{folder.name} has two identities layers; {used} is used, not {left}.")
        if paths:
            account = known.get(folder.name)
            if account is None:
                warnings.append(
                    f"The folder {folder.name} has an identities layer, but `accounts` in the common "
                    "variables doesn't name that account."
                )
            try:
                found.append(_location(root, folder, paths[0], account))
            except LayerIncomplete as error:
                left_out[folder.name] = error
    if left_out and not found:
        raise next(iter(left_out.values()))
    warnings += (f"{account} is left out: {error.what}" for account, error in left_out.items())
    return found, left_out


def _layer_folders(folder: Path) -> list[Path]:
    regional = [path for pattern in _REGIONAL for path in sorted(folder.glob(pattern))]
    named = dict.fromkeys([*(folder / path for path in LAYER_PATHS), *regional])
    return [folder for folder in named if _holds_configuration(folder)]


def _holds_configuration(folder: Path) -> bool:
    """Return whether the folder has a `.tf` file; unlike a glob, raise if it can't be read."""
    try:
        with os.scandir(folder) as entries:
            return any(entry.name.endswith(".tf") for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _location(root: Path, folder: Path, path: Path, account: Account | None) -> LayerLocation:
    backend_file = variables_file(folder / "config", "backend")
    if backend_file is None:
        raise LayerIncomplete(
            f"The {folder.name} account's backend.tfvars is missing",
            f"There is no backend.tfvars (or backend.config) in {folder / 'config'}.",
            why="It names the state's bucket and the profile that may read it. Terraform can't run in "
            f"{path} without it.",
            next="Restore it from git, or ask a colleague for it.",
        )
    var_files = tuple(
        file
        for where in (root / "config", folder / "config")
        for ending in _ENDINGS
        for file in sorted(where.glob(f"*{ending}"))
        if file.is_file()
    )
    refuse_outside(root, (path, backend_file, *var_files, path / _LOCK_FILE, *path.glob("*.tf")))
    variables = {name: value for file in var_files for name, value in read_variables(file).items()}
    if variables_file(folder / "config", "account") is None and not _text(variables, "environment"):
        # until 2021 it was in backend.config or base.config
        raise LayerIncomplete(
            f"The environment of {folder.name} is missing",
            f"No .tfvars or .config file in {folder / 'config'} sets `environment`.",
            why=f"Terraform can't run in {path} without it.",
            next=f'Restore account.tfvars from git, or write  environment = "{folder.name}"  into it.',
        )
    blocks = backends(path)
    replaced = bool(blocks) and blocks[-1].header != blocks[0].header
    backend = {} if replaced else read_variables(backend_file)
    in_block = _texts(blocks[-1]) if blocks else {}
    return LayerLocation(
        account=folder.name,
        path=path,
        relative=path.relative_to(root).as_posix(),
        account_id=(account.id or None) if account else None,
        backend=backend,
        backend_config=backend_file,
        var_files=var_files,
        variables=variables,
        locked=read_lock_file(path / _LOCK_FILE),
        required_version=read_required_version(path),
        backend_configs=() if replaced else (backend_file,),
        named_backend={**in_block, **backend, "type": blocks[-1].label or "cloud"}
        if blocks
        else {"type": "local"},
        region=_region(variables) or in_block.get("region", ""),
        root=root,
    )


def _texts(block: Block) -> dict[str, str]:
    found = {name: text_of(attribute, {}) for name, attribute in block.attributes.items()}
    return {name: text for name, text in found.items() if text is not None}


def _text(values: Mapping[str, object], name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else ""


def _region(values: Mapping[str, object]) -> str:
    return _text(values, "region_primary") or _text(values, "region")


def _accounts(values: Mapping[str, object], common: Path, root: Path) -> tuple[Account, ...]:
    """Return the accounts in file order; empty if the file names none.

    Args:
        values: the values of the common variables.
        common: the file of the common variables.
        root: the project's root, whose folder names are account names.
    """
    declared = values.get("accounts")
    if not isinstance(declared, dict):
        return _single(values, root)
    order = _written_order(common)
    facts = {name: fields if isinstance(fields, dict) else {} for name, fields in declared.items()}
    return tuple(
        Account(str(name), str(facts[name].get("email", "")), _identity(facts[name].get("id", "")))
        for name in sorted(facts, key=lambda name: order.get(name, len(order)))
    )


def _single(values: Mapping[str, object], root: Path) -> tuple[Account, ...]:
    """Return the accounts of an older file, each named after its folder, or else its variable."""
    folders = {
        re.sub("[-_]", "", folder.name): folder.name for folder in sorted(root.iterdir()) if folder.is_dir()
    }
    named = {name.removesuffix(_SINGLE): value for name, value in values.items() if name.endswith(_SINGLE)}
    return tuple(
        Account(folders.get(name.replace("_", ""), name), "", _identity(value))
        for name, value in named.items()
    )


def _identity(value: object) -> str:
    """Return an account id as text; an unquoted one gets its leading zeros back."""
    return f"{value:012d}" if isinstance(value, int) else str(value).strip()


def _written_order(path: Path) -> dict[str, int]:
    """Return each account's position in the file; the evaluated map is sorted by name."""
    document = Document(path.name, load_hcl(path))
    attribute = document.attributes.get("accounts")
    if attribute is None:
        return {}
    entries = document.elements(attribute.value)
    return {key: at for at, entry in enumerate(entries) if (key := object_key(document, entry)) is not None}


def read_lock_file(path: Path) -> LockedProvider | None:
    """Read the AWS provider from a `.terraform.lock.hcl`; None without the file or that provider."""
    if not path.is_file():
        return None
    for block in Document(path.name, load_hcl(path)).blocks_of("provider"):
        host, _, name = block.label.partition("/")
        if name == "hashicorp/aws":
            return LockedProvider(text_of(block.attributes.get("version"), {}) or "", _REGISTRIES.get(host))
    return None


def read_required_version(folder: Path) -> str | None:
    """Return the `required_version` constraints of a layer's `terraform` blocks, comma-separated, or None."""
    found = (
        text_of(block.attributes.get("required_version"), {})
        for document in read_documents(folder, re.compile(b"required_version"))
        for block in document.blocks_of("terraform")
    )
    return ", ".join(filter(None, found)) or None


def provider_wanted(layer: Path) -> str | None:
    """Return the AWS provider version that a layer's own files require; it decides which PGP keys work.

    Args:
        layer: the layer's folder; the rest of its project may be missing.

    Returns:
        The version in the lock file ("3.39.0"), or else the constraints of `required_providers` or of older
        `provider` blocks ("~> 3.27"), comma-separated; None if unknown.

    Raises:
        ProjectError: a file with the answer cannot be read or parsed.
    """
    lock = layer / _LOCK_FILE
    with reading_project(layer):
        locked = [Document(lock.name, load_hcl(lock))] if lock.is_file() else []
        for documents in (locked, read_documents(layer, re.compile(b"provider"))):
            versions = (version for document in documents for version in _provider_versions(document))
            if found := dict.fromkeys(filter(None, versions)):
                return ", ".join(found)
    return None


def _provider_versions(document: Document) -> Iterator[str | None]:
    """Yield the versions that a file gives for the provider `aws`."""
    if document.broken:
        raise ProjectError(
            "Can't read a file of the layer",
            f"{document.name} has {document.broken}.",
            next="Correct it, then try again.",
        )
    for block in document.blocks_of("terraform"):
        for required in block.nested("required_providers"):
            if (aws := required.attributes.get("aws")) is not None:
                # Terraform 0.12 used just "~> 2.0".
                yield text_of(aws, {}) or text_of(fields_at(document, aws.node).get("version"), {})
    for block in document.blocks_of("provider"):
        if block.label == "aws" or block.label.endswith("/hashicorp/aws"):
            yield text_of(block.attributes.get("version"), {})
