"""Read a layer's files into the model that the screens show and the editor compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from workflows.core.files import cause_of
from workflows.core.garbage import collection_paused
from workflows.core.grouping import by_key
from workflows.hcl.document import Attribute
from workflows.hcl.values import value_of
from workflows.layer.discover import read_lock_file, read_required_version, reading_project
from workflows.layer.files import FileSet, LayerUnreadable
from workflows.layer.model import AccountSettings, Layer, LayerLocation, Setting, place_of
from workflows.layer.names import POLICY_ATTRIBUTES, POLICY_NUMBERS, POLICY_SWITCHES
from workflows.layer.read.declarations import (
    account_module,
    constants,
    group_modules,
    uneditable,
    user_modules,
)
from workflows.layer.read.findings import (
    missing_keys,
    read_findings,
    read_hidden_entries,
    read_unread,
    wrapped_users,
)
from workflows.layer.read.outputs import read_hidden_outputs, read_outputs
from workflows.layer.read.people import read_groups, read_people


def read_layer(location: LayerLocation) -> Layer:
    """Read the layer in a folder.

    Code that can't be understood or edited is no error but a finding with its place.

    Raises:
        LayerUnreadable: a file cannot be read.
        LeadsOutside: a link leads outside the project.
    """
    shared = {path for path in location.var_files if path.parent != location.backend_config.parent}
    with collection_paused():
        layer = read_files(location, FileSet.load(location.path, location.var_files, shared, location.root))
        try:
            wrapped = wrapped_users(location.path, location.root, layer.files)
            beside = (*missing_keys(layer.files, layer.people), *wrapped)
        except OSError as error:
            raise LayerUnreadable(
                "Can't read a module of the layer",
                f"{error.filename or location.path} can't be read.",
                why=cause_of(error),
                next="Repair the file or its permissions.",
            ) from error
    return replace(layer, findings=(*layer.findings, *beside)) if beside else layer


def read_files(location: LayerLocation, files: FileSet) -> Layer:
    """Read the layer from a set of files, on disk or not."""
    names = constants(files, location.variables)
    people, findings = read_people(files, names)
    owners = {owner: person.iam_name for owner, person in people.items()}
    groups, group_findings = read_groups(files, names, people)
    memberships = by_key((member, group.name) for group in groups for member in group.members)
    return Layer(
        location=location,
        people=tuple(
            person._replace(groups=tuple(memberships[person.iam_name]))
            if person.iam_name in memberships
            else person
            for person in people.values()
        ),
        groups=groups,
        outputs=read_outputs(files, owners),
        hidden_outputs=read_hidden_outputs(files, owners),
        account=read_account(files, names),
        findings=(
            *findings,
            *group_findings,
            *read_findings(files),
            *read_hidden_entries(files),
            *read_unread(files.unread),
        ),
        files=files,
        names=names,
    )


def read_account(files: FileSet, names: Mapping[str, object]) -> AccountSettings | None:
    """Return the account's settings, or None if the layer has no module for them.

    Args:
        files: the layer's files.
        names: constant names and their values, from `constants`.
    """
    block = account_module(files)
    if block is None:
        return None
    alias = block.attributes.get("account_alias")
    return AccountSettings(
        alias=_setting(alias, names) if alias else None,
        policy=tuple(
            _setting(attribute, names)
            for attribute in block.attributes.values()
            if attribute.name in POLICY_ATTRIBUTES
        ),
        editable=not uneditable(files, block.document, block),
        place=place_of(block),
    )


def _setting(attribute: Attribute, names: Mapping[str, object]) -> Setting:
    value = value_of(attribute, names)
    return Setting(
        name=attribute.name,
        value=_meant(attribute.name, value) if isinstance(value, str | int | float | bool) else None,
        source=attribute.document.text(attribute.value),
        literal=attribute.value.type in {"string_lit", "numeric_lit", "bool_lit", "null_lit"},
        place=place_of(attribute),
    )


def _meant(name: str, value: str | float | bool) -> str | float | bool:  # noqa: FBT001 - a setting's value
    """Convert text like Terraform where it needs a number or a boolean, as in layers for 0.11."""
    if name in POLICY_SWITCHES and value in ("true", "false"):
        return value == "true"
    is_number = name in POLICY_NUMBERS and isinstance(value, str) and value.isascii() and value.isdecimal()
    return int(value) if is_number else value


def declares_people(folder: Path) -> bool:
    """Return whether a folder contains Terraform files with modules of users or groups.

    Raises:
        LayerUnreadable: a file there cannot be read.
    """
    if not folder.is_dir() or not any(folder.glob("*.tf")):
        return False
    files = FileSet.load(folder)
    return bool(user_modules(files) or group_modules(files))


def lone_layer(folder: Path) -> LayerLocation:
    """Describe a layer from its folder alone.

    Args:
        folder: the layer folder, an absolute path without symbolic links.

    Raises:
        ProjectError: a file in it cannot be read.
    """
    root = next((parent for parent in folder.parents if (parent / ".git").exists()), folder.parent)
    with reading_project(folder):
        locked = read_lock_file(folder / ".terraform.lock.hcl")
        required = read_required_version(folder)
    relative = folder.relative_to(root)
    return LayerLocation(
        account=relative.parts[0],
        path=folder,
        relative=relative.as_posix(),
        account_id=None,
        backend={},
        backend_config=folder / "backend.tfvars",
        var_files=(),
        variables={},
        locked=locked,
        required_version=required,
        root=root,
    )
