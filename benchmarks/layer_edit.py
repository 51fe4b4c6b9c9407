"""The time to read a layer, add a person with groups and outputs, and check the result, by size.

Prints seconds of processor time (the median of five runs) and each size's time per person against that of the
smallest: a linear editor stays near or below 1. A layer with a block for each person is compared with one of
lists. If python-hcl2 is installed (it is in the `dev` extra, for this comparison only), the time it
takes to load the same files is measured in the same run. Run as `python -m benchmarks.layer_edit`.
"""

from __future__ import annotations

import re
import statistics
import tempfile
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.form import amount
from workflows.core.garbage import collection_paused
from workflows.layer.edit.people import AddPerson
from workflows.layer.edit.run import changes_of, edit
from workflows.layer.model import LayerLocation
from workflows.layer.read.layer import read_layer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SIZES = amount((50, 500, 5000), (50,))
RUNS = amount(5, 1)
USERS = """module "user" {
  source   = "../modules/iam-user"
  for_each = toset(local.users)

  name                          = each.key
  create_iam_user_login_profile = true
  create_iam_access_key         = false

  pgp_key = file("keys/${each.key}")
}
"""
BLOCK = """#
# User: NAME
#
module "user_SLUG" {
  source = "github.com/binbashar/terraform-aws-iam.git//modules/iam-user?ref=v4.1.0"

  name                          = "NAME"
  force_destroy                 = true
  create_iam_user_login_profile = true
  password_length               = 30
  password_reset_required       = true
  create_iam_access_key         = false
  upload_iam_user_ssh_key       = false

  pgp_key = file("keys/NAME")
}
"""


def make_layer(folder: Path, size: int, *, outputs: bool) -> LayerLocation:
    """Create a layer of the list style: two groups with half of the people each, outputs if wanted."""
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
        backend={},
        backend_config=folder / "backend.tfvars",
        var_files=(),
        variables={},
    )


def make_blocks(folder: Path, size: int, *, outputs: bool) -> LayerLocation:
    """Create a layer with a block and a banner for each user, and the groups and outputs of `make_layer`."""
    location = make_layer(folder, size, outputs=outputs)
    names = [f"person{number:05d}.example" for number in range(size)]
    (folder / "locals.tf").unlink()
    blocks = [BLOCK.replace("NAME", name).replace("SLUG", name.replace(".", "_")) for name in names]
    (folder / "users.tf").write_text("\n".join(blocks))
    for name in ("groups.tf", "outputs.tf"):
        path = folder / name
        text = re.sub(r'module\.user\["(\w+)\.(\w+)"\]', r"module.user_\1_\2", path.read_text())
        path.write_text(text)
    return location


STYLES = {"lists": make_layer, "blocks": make_blocks}


def run(location: LayerLocation) -> None:
    """Read, add and check once, as `iam-onboard layer add` does."""
    layer = read_layer(location)
    added = AddPerson("person00000.zz", "QUJD\n", ("devops", "auditors"))
    assert changes_of(edit(layer, [added]))


def load_with_hcl2(folder: Path) -> None:
    """Do what python-hcl2 does before any edit: load the same files."""
    import hcl2  # noqa: PLC0415 - everything else runs without it

    for path in sorted(folder.glob("*.tf")):
        with path.open(encoding="utf-8") as file:
            hcl2.load(file)


def timed(work: Callable[[], None]) -> float:
    """Return the seconds of one run; like a command, it ends before garbage is collected."""
    with collection_paused():
        start = time.process_time()
        work()
        return time.process_time() - start


def measure(size: int, *, outputs: bool, peer: bool) -> Iterator[tuple[float, float | None]]:
    """Yield the seconds of read, add and check at a size, and of python-hcl2's load, for each style.

    The styles take turns, so that all meet the same machine.
    """
    with tempfile.TemporaryDirectory() as name:
        locations = []
        for style, make in STYLES.items():
            folder = Path(name) / style
            folder.mkdir()
            locations.append(make(folder, size, outputs=outputs))
        rounds = [[timed(partial(run, location)) for location in locations] for _ in range(RUNS)]
        for location, seconds in zip(locations, zip(*rounds, strict=True), strict=True):
            other = timed(partial(load_with_hcl2, location.path)) if peer else None
            yield statistics.median(seconds), other


def main() -> None:
    peer = find_spec("hcl2") is not None
    list(measure(SIZES[0], outputs=True, peer=peer))  # so that nothing is loaded for the first time below
    for outputs, title in ((False, "groups"), (True, "groups and a pair of outputs each")):
        print(title)
        first: dict[str, float] = {}
        for size in SIZES:
            found = dict(zip(STYLES, measure(size, outputs=outputs, peer=peer), strict=True))
            for style, (seconds, other) in found.items():
                each = seconds / size
                linear, to_lists = each / first.setdefault(style, each), seconds / found["lists"][0]
                line = f"  {size:5d} people, {style}: {seconds:7.3f} s, {each * 1e6:7.1f} µs each, "
                line += f"{linear:5.2f} ×, {to_lists:5.2f} × lists"
                if other is not None:
                    line += f"; python-hcl2's load alone {other:7.3f} s, {other / seconds:5.1f} ×"
                print(line)


if __name__ == "__main__":
    main()
