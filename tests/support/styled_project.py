"""The sandbox's project with its people declared in other styles."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from support.styles import Written

PEOPLE = ("alex.kim", "dana.lopez", "sam.okafor")
MACHINES = ("machine.github.actions",)
LOCALS = """locals {
  tags       = { Layer = local.layer_name }
  layer_name = basename(path.cwd)
}
"""


@dataclass(frozen=True)
class Styling:
    """The style in which a layer declares its people.

    Attributes:
        people: the style of people, from `support.styles.STYLES`.
        machines: the style of machine users.
        outputs: the style of outputs, from `support.styles.OUTPUTS`, or `one map`.
        in_file: whether maps of objects are in a tfvars file instead of the variables' defaults.
        banner: the banner over each block, from `support.styles.BANNERS`.
    """

    people: str
    machines: str
    outputs: str = "live"
    in_file: bool = False
    banner: str = "box"

    @property
    def written(self) -> tuple[Written, Written]:
        """The people and the machine users, as written in these styles."""
        return (
            Written(self.people, PEOPLE, banner=self.banner, outputs=self.outputs),
            Written(self.machines, MACHINES, machine=True, banner=self.banner, outputs=self.outputs),
        )


def restyle(layer: Path, styling: Styling) -> None:
    """Declare the people of a sandbox's layer in another style, with the same group memberships."""
    written = styling.written
    (layer / "users.tf").write_text(
        "\n".join(kind.users_tf() for kind in written).replace("../", "../../../")
    )
    (layer / "locals.tf").write_text(LOCALS)
    (layer / "outputs.tf").write_text("\n\n".join(kind.outputs_tf() for kind in written) + "\n")
    if styling.in_file:
        values = "\n".join(
            f'variable "{kind.value_name}" {{}}\n' for kind in written if kind.style == "objects"
        )
        (layer / "people.auto.tfvars").write_text(
            "\n".join(
                f"{kind.value_name} = {kind.objects('')}\n" for kind in written if kind.style == "objects"
            )
        )
        rest = [kind.values_tf() for kind in written if kind.style != "objects"]
        values = "\n".join([values, *filter(None, rest)])
    else:
        values = "\n".join(text for kind in written if (text := kind.values_tf()))
    if values:
        (layer / "values.tf").write_text(values)
    groups = layer / "groups.tf"
    groups.write_text(_with_references(groups.read_text(), written))


def moves(styling: Styling) -> str:
    """Return `moved` blocks with which Terraform keeps the people in its state at their new addresses."""
    blocks = []
    for kind in styling.written:
        for name in kind.names:
            old = f'module.{kind.module}["{name}"]'
            new = kind.reference(name, "").removesuffix(".")
            if new != old:
                blocks.append(f"moved {{\n  from = {old}\n  to   = {new}\n}}\n")
    return "\n".join(blocks)


def _with_references(groups: str, written: tuple[Written, Written]) -> str:
    """Return the groups with references to their members in the new style."""

    def other(found: re.Match[str]) -> str:
        kind = written[1] if found["module"] == "machine_user" else written[0]
        return kind.reference(found["name"], "iam_user_name")

    return re.sub(r'module\.(?P<module>\w+)\["(?P<name>[^"]+)"\]\.iam_user_name', other, groups)
