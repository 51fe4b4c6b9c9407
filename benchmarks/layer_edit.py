"""How long it takes to read a layer, add a person with groups and outputs, and check the result, by size.

Prints seconds of processor time (the median of five runs) and each size's time per person against that of the
smallest: a linear editor stays near or below 1. Run as `python -m benchmarks.layer_edit`.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from workflows.layer.edit import propose
from workflows.layer.operations import AddPerson
from workflows.layer.project import LayerLocation
from workflows.layer.read import read_layer

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES = (50, 500, 5000)
USERS = """module "user" {
  source   = "../modules/iam-user"
  for_each = toset(local.users)

  name                          = each.key
  create_iam_user_login_profile = true
  create_iam_access_key         = false

  pgp_key = file("keys/${each.key}")
}
"""


def make_layer(folder: Path, size: int, *, outputs: bool) -> LayerLocation:
    """A layer of the list style: two groups with half of the people each, and a pair of outputs if asked."""
    names = [f"person{number:05d}.example" for number in range(size)]
    entries = "".join(f'    "{name}",\n' for name in names)
    (folder / "locals.tf").write_text(f"locals {{\n  users = [\n{entries}  ]\n}}\n")
    (folder / "users.tf").write_text(USERS)
    groups = []
    for label, members in (("devops", names[::2]), ("auditors", names[1::2])):
        lines = "".join(f'    module.user["{name}"].iam_user_name,\n' for name in members)
        groups.append(
            f'module "iam_group_{label}" {{\n  source = "../modules/iam-group-with-policies"\n'
            f'  name   = "{label}"\n\n  group_users = [\n{lines}  ]\n}}\n'
        )
    (folder / "groups.tf").write_text("\n".join(groups))
    pairs = [
        f'output "user_{name.replace(".", "_")}_{what}" {{\n  value = module.user["{name}"].{attribute}\n}}\n'
        for name in (names if outputs else names[:1])
        for what, attribute in (("name", "iam_user_name"), ("password", "encrypted_password"))
    ]
    (folder / "outputs.tf").write_text("\n".join(pairs))
    return LayerLocation(
        account="security",
        path=folder,
        relative="security/global/base-identities",
        account_id=None,
        environment="security",
        backend={},
        backend_config=folder / "backend.tfvars",
        var_files=(),
        variables={},
    )


def run(location: LayerLocation) -> None:
    """Read, add and check once."""
    layer = read_layer(location)
    changes = propose([(layer, [AddPerson("person00000.zz", "QUJD\n", ("devops", "auditors"))])])
    assert not changes.is_empty


def median(work: Callable[[], None], runs: int = 5) -> float:
    """The median of some runs, in seconds."""
    seconds = []
    for _ in range(runs):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def main() -> None:
    for outputs, title in ((False, "lists and groups"), (True, "lists, groups and a pair of outputs each")):
        print(title)
        first: float | None = None
        for size in SIZES:
            with tempfile.TemporaryDirectory() as folder:
                location = make_layer(Path(folder), size, outputs=outputs)
                seconds = median(lambda location=location: run(location))  # type: ignore[misc]
            each = seconds / size
            first = first or each
            print(f"  {size:5d} people: {seconds:7.3f} s, {each * 1e6:7.1f} µs each, {each / first:5.2f} ×")


if __name__ == "__main__":
    main()
