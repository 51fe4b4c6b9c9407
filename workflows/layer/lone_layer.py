"""A layer on its own: a folder that declares users, in a checkout that is no complete Leverage project.

`common.tfvars` is often kept out of git, and other teams lay their projects out in their own way. What a
layer says of people and groups can be read and edited all the same; what its variables say is not known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.layer.declarations import group_modules, user_modules
from workflows.layer.files import FileSet
from workflows.layer.lock_file import read_lock_file, read_required_version
from workflows.layer.project import LayerLocation

if TYPE_CHECKING:
    from pathlib import Path


def declares_people(folder: Path) -> bool:
    """Whether a folder holds Terraform files with modules of users or groups.

    Raises:
        LayerUnreadable: a file there cannot be read.
    """
    if not folder.is_dir() or not any(folder.glob("*.tf")):
        return False
    files = FileSet.load(folder)
    return bool(user_modules(files) or group_modules(files))


def lone_layer(folder: Path) -> LayerLocation:
    """What can be told of a layer by its folder alone.

    Args:
        folder: the layer folder, absolute, without symbolic links in it.
    """
    root = next((one for one in folder.parents if (one / ".git").exists()), folder.parent)
    relative = folder.relative_to(root)
    return LayerLocation(
        account=relative.parts[0],
        path=folder,
        relative=relative.as_posix(),
        account_id=None,
        environment=relative.parts[0],
        backend={},
        backend_config=folder / "backend.tfvars",
        var_files=(),
        variables={},
        locked=read_lock_file(folder / ".terraform.lock.hcl"),
        required_version=read_required_version(folder),
    )
