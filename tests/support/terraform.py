"""A real Terraform and a layer without AWS, for tests: no network, no moto, a tenth of a second a run."""

from __future__ import annotations

import os
from pathlib import Path

from workflows.core.processes import child_environment
from workflows.sandbox.terraform import write_command


def terraform_argv(folder: Path, name: str = "terraform") -> tuple[str, ...]:
    """Write the sandbox's command into `folder` and answer how to run it."""
    command = folder / name
    write_command(command, lock=folder / f"{name}.lock")
    return (str(command),)


def terraform_environment(home: Path) -> dict[str, str]:
    """The environment for it: a home of its own, and no look-up of newer versions."""
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
    """A layer without AWS: one resource at once, then two that wait until a file is there."""
    folder.mkdir(parents=True)
    command = f"while [ ! -e {until} ]; do sleep 0.05; done" if until else "true"
    (folder / "main.tf").write_text(LAYER.format(command=command))
    return folder
