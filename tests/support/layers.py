"""Layers of the list style, formatted in every way that teams use."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from workflows.hcl.document import Document
from workflows.layer.edit.operation import Operation
from workflows.layer.edit.run import edit
from workflows.layer.files import FileSet
from workflows.layer.model import Layer, LayerLocation, Person
from workflows.layer.read.layer import read_files

VARIABLES: Mapping[str, object] = {"project": "bb", "project_long": "binbash", "environment": "security"}
BUCKET = """data "aws_iam_policy_document" "odd" {
  statement {
    actions = ["s3:*"] /* every one */
  }
}

resource "aws_iam_policy" "odd" {
  name   = "odd"
  policy = <<-EOF
    { "Statement": [ { "Resource": "arn:aws:s3:::a/*/b" } ] }
    */ "jane.doe" } module "user" {
  EOF
}
"""
USERS = """module "user" {
  source   = "../modules/iam-user"
  for_each = toset(local.users)

  name                          = each.key
  create_iam_user_login_profile = true
  create_iam_access_key         = false

  pgp_key = file("keys/${each.key}")
}

module "machine_user" {
  source   = "../modules/iam-user"
  for_each = local.machine_users

  name                          = each.key
  create_iam_user_login_profile = false
  create_iam_access_key         = true

  pgp_key = file("keys/${each.value}")
}
"""
ACCOUNT = """module "iam_account" {
  source        = "../modules/iam-account"
  account_alias = "${var.project_long}-${var.environment}"

  minimum_password_length      = 16
  require_lowercase_characters = true
}
"""


def location(path: Path = Path("/nowhere/security/global/base-identities")) -> LayerLocation:
    """Return the location of a layer that is not in a project."""
    return LayerLocation(
        account="security",
        path=path,
        relative="security/global/base-identities",
        account_id="000000000002",
        backend={},
        backend_config=path / "backend.tfvars",
        var_files=(),
        variables=VARIABLES,
    )


def layer_of(files: Mapping[str, str | bytes], keys: Mapping[str, str] | None = None) -> Layer:
    """Return the layer that consists of these files, in memory."""
    documents = {
        name: Document(name, text if isinstance(text, bytes) else text.encode())
        for name, text in sorted(files.items())
    }
    found = {f"keys/{name}": text.encode() for name, text in (keys or {}).items()}
    return read_files(location(), FileSet(documents, found))


def within(less: bytes, more: bytes) -> bool:
    """Return whether `more` contains the bytes of `less` in order, so that bytes were only inserted."""
    rest = iter(more)
    return all(byte in rest for byte in less)


def edit_layer(layer: Layer, operations: Iterable[Operation]) -> Layer:
    """Return the layer after some operations, in memory."""
    return edit(layer, operations).after


def contents(layer: Layer) -> dict[str, bytes | None]:
    """Return file name -> content for all files of a layer."""
    return dict(layer.files.contents)


def slug(name: str) -> str:
    """Return a name as it is spelled in output labels."""
    return re.sub(r"[^0-9A-Za-z]", "_", name)


def pair(name: str, module: str = "user") -> str:
    """Return a person's two outputs, without the last line break."""
    return (
        f'output "user_{slug(name)}_name" {{\n  description = "The user\'s name"\n'
        f'  value       = module.{module}["{name}"].iam_user_name\n}}\n\n'
        f'output "user_{slug(name)}_password" {{\n  description = "The password of {name}, encrypted"\n'
        f'  value       = module.{module}["{name}"].iam_user_login_profile_encrypted_password\n'
        f"  sensitive   = true\n}}"
    )


@dataclass(frozen=True)
class Habits:
    """The way in which a team formats lists.

    Attributes:
        one_line: whether the whole list is on one line.
        trailing_comma: whether a comma follows the last entry of a list with several lines.
        comments: whether there are comments after and above some entries.
    """

    one_line: bool = False
    trailing_comma: bool = True
    comments: bool = False

    def list(self, entries: Sequence[str], indent: str = "  ") -> str:
        """Return a list in this format; an empty one is `[]` if it has no comment."""
        if not entries:
            return f"[\n{indent}  # nobody yet\n{indent}]" if self.comments else "[]"
        if self.one_line:
            return "[" + ", ".join(entries) + "]"
        lines = []
        for number, entry in enumerate(entries):
            comma = "," if self.trailing_comma or number < len(entries) - 1 else ""
            if self.comments and number % 3 == 1:
                lines.append(f"{indent}  # the next one is special, [really]")
            note = ' # since 2020, "maybe"' if self.comments and number % 3 == 0 else ""
            lines.append(f"{indent}  {entry}{comma}{note}")
        return "[\n" + "\n".join(lines) + f"\n{indent}]"


def person(layer: Layer, name: str) -> Person:
    """Return somebody who is in the layer."""
    found = layer.person(name)
    assert found is not None
    return found


def machine_map(entries: Mapping[str, str]) -> str:
    """Return the map of machine users, with aligned equal signs."""
    widest = max((len(name) + 2 for name in entries), default=0)
    lines = [f'    {f"{chr(34)}{name}{chr(34)}":<{widest}} = "{key}"\n' for name, key in entries.items()]
    return "{\n" + "".join(lines) + "  }" if lines else "{}"


def group(name: str, members: Sequence[str], habits: Habits, attribute: str = "iam_user_name") -> str:
    """Return a group's block; members whose names begin with `machine.` are machine users."""
    references = [
        f'module.{"machine_user" if member.startswith("machine.") else "user"}["{member}"].{attribute}'
        for member in members
    ]
    return (
        f'module "iam_group_{slug(name)}" {{\n  source = "../modules/iam-group-with-policies"\n'
        f'  name   = "{name}"\n\n  group_users = {habits.list(references)}\n\n'
        f'  custom_group_policy_arns = [\n    "arn:aws:iam::aws:policy/ReadOnlyAccess",\n'
        f"    aws_iam_policy.odd.arn\n  ]\n}}\n"
    )


_NAME = st.text("abz", min_size=1, max_size=3)
NAMES = st.builds(lambda first, last: f"{first}.{last}", _NAME, _NAME)
HABITS = st.builds(Habits, one_line=st.booleans(), trailing_comma=st.booleans(), comments=st.booleans())


@st.composite
def layers(draw: Callable[..., object]) -> Layer:
    """Draw a layer of the list style in any format."""
    names = draw(st.lists(NAMES, unique_by=slug, max_size=6))
    assert isinstance(names, list)
    if draw(st.booleans()):
        names = sorted(names)
    machines = {
        f"machine.{machine}": f"machine.{machine}" for machine in sorted({str(draw(NAMES)) for _ in range(2)})
    }
    habits = draw(HABITS)
    groups = []
    for name in ("devops", "finops"):
        members = [person for person in names if draw(st.booleans())]
        own = draw(HABITS)
        assert isinstance(own, Habits)
        groups.append(group(name, members, own))
    assert isinstance(habits, Habits)
    users = habits.list([f'"{person}"' for person in names])
    with_outputs = [person for person in names if draw(st.integers(0, 3))]
    files = {
        "account.tf": ACCOUNT,
        "groups.tf": "#\n# Groups\n#\n" + "\n".join(groups),
        "locals.tf": f"locals {{\n  users = {users}\n\n  machine_users = {machine_map(machines)}\n}}\n",
        "outputs.tf": "#\n# people\n#\n"
        + "\n\n".join([*map(pair, with_outputs), 'output "z" {\n  value = 1\n}\n']),
        "policies.tf": BUCKET,
        "users.tf": USERS,
    }
    if draw(st.booleans()):
        files = {"main.tf": "\n".join(files.values())}
    ending = draw(st.sampled_from(["as is", "no final newline", "CRLF", "blank lines"]))
    change: dict[object, Callable[[str], str]] = {
        "no final newline": lambda text: text.rstrip("\n"),
        "CRLF": lambda text: text.replace("\n", "\r\n"),
        "blank lines": lambda text: "\n" + text + "\n\n",
    }
    files = {name: change.get(ending, str)(text) for name, text in files.items()}
    return layer_of(files, {name: f"KEY{name}\n" for name in [*names, *machines]})
