"""A layer's people in every style and format that teams use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st
from support.layers import BUCKET, HABITS, NAMES, Habits, group, layer_of, slug

from workflows.layer.model import Layer

STYLES = ("list", "block", "objects")
BANNERS = ("", "box", "line")
OUTPUTS = ("live", "starred", "hashed", "starred together")
ONE_MAP = "one map"


@dataclass(frozen=True)
class Written:
    """Some people and the style in which they are written.

    Attributes:
        style: one of `STYLES`; for machine users `list` is the map of names and key files.
        names: the IAM names.
        machine: whether they are machine users.
        banner: the banner over each block, from `BANNERS`.
        outputs: one of `OUTPUTS`, or `ONE_MAP` of all people instead of two outputs each.
        old: whether to use the syntax before Terraform 0.12 and before the module's version 3.
        habits: the format of the list.
    """

    style: str
    names: Sequence[str]
    machine: bool = False
    banner: str = "box"
    outputs: str = "live"
    old: bool = False
    habits: Habits = field(default_factory=Habits)

    @property
    def module(self) -> str:
        return "machine_user" if self.machine else "user"

    @property
    def value_name(self) -> str:
        return "machine_users" if self.machine else "users"

    def attribute(self, name: str) -> str:
        return f"this_{name}" if self.old and self.style == "block" else name

    def reference(self, name: str, attribute: str) -> str:
        attribute = self.attribute(attribute)
        if self.style == "block":
            return f"module.user_{slug(name)}.{attribute}"
        key = slug(name) if self.style == "objects" else name
        return f'module.{self.module}["{key}"].{attribute}'

    def switches(self) -> str:
        on, off = ("true", "false") if not self.machine else ("false", "true")
        return f"  create_iam_user_login_profile = {on}\n  create_iam_access_key         = {off}\n"

    def users_tf(self) -> str:
        """Return the text of users.tf, with the modules."""
        if self.style == "block":
            return "\n".join(self._banner(name) + self._block(name) for name in self.names)
        if self.style == "objects":
            return (
                f'module "{self.module}" {{\n  source   = "../modules/iam-user"\n'
                f"  for_each = var.{self.value_name}\n\n"
                "  name                          = each.value.name\n"
                "  create_iam_user_login_profile = each.value.login\n"
                "  create_iam_access_key         = each.value.access_key\n"
                "  pgp_key                       = file(each.value.pgp_key)\n}\n"
            )
        for_each = f"local.{self.value_name}" if self.machine else f"toset(local.{self.value_name})"
        key = "value" if self.machine else "key"
        return (
            f'module "{self.module}" {{\n  source   = "../modules/iam-user"\n  for_each = {for_each}\n\n'
            f"  name                          = each.key\n{self.switches()}\n"
            f'  pgp_key = file("keys/${{each.{key}}}")\n}}\n'
        )

    def values_tf(self) -> str:
        """Return the list or map that the modules repeat over, or "" for blocks."""
        if self.style == "block":
            return ""
        if self.style == "objects":
            return f'variable "{self.value_name}" {{\n  default = {self.objects("  ")}\n}}\n'
        if self.machine:
            widest = max((len(name) + 2 for name in self.names), default=0)
            lines = [f'    {chr(34) + name + chr(34):<{widest}} = "{name}"\n' for name in self.names]
            entries = "{\n" + "".join(lines) + "  }" if lines else "{}"
        else:
            entries = self.habits.list([f'"{name}"' for name in self.names])
        return f"locals {{\n  {self.value_name} = {entries}\n}}\n"

    def objects(self, indent: str) -> str:
        """Return the map of objects only."""
        login, access_key = ("false", "true") if self.machine else ("true", "false")
        entries = [
            f'{indent}  {slug(name)} = {{\n{indent}    name       = "{name}"\n'
            f"{indent}    login      = {login}\n{indent}    access_key = {access_key}\n"
            f'{indent}    pgp_key    = "keys/{name}"\n{indent}  }}\n'
            for name in self.names
        ]
        return "{\n" + "".join(entries) + indent + "}" if entries else "{}"

    def outputs_tf(self) -> str:
        """Return two outputs each, or one map, without the last line break."""
        if self.outputs == ONE_MAP:
            return self._map()
        return "\n\n".join(self._pair(name) for name in self.names)

    def _block(self, name: str) -> str:
        key = f'file("keys/{name}")'
        key = f'"${{{key}}}"' if self.old else key
        return (
            f'module "user_{slug(name)}" {{\n  source = "../modules/iam-user"\n\n'
            f'  name          = "{name}"\n  force_destroy = true\n\n{self.switches()}\n'
            f"  pgp_key = {key}\n}}\n"
        )

    def _banner(self, name: str) -> str:
        words = " ".join(word.capitalize() for word in slug(name).split("_"))
        if self.banner == "box":
            ruler, line = f"#{'=' * (7 + max(11, len(words) + 1))}#", f"# User: {words + ' ':<11}#"
            return f"{ruler}\n{line}\n{ruler}\n"
        return f"# {words}\n" if self.banner == "line" else ""

    def _pair(self, name: str) -> str:
        secret = (
            "iam_access_key_encrypted_secret" if self.machine else "iam_user_login_profile_encrypted_password"
        )
        first = _output(f"user_{slug(name)}_name", self.reference(name, "iam_user_name"), "")
        second = _output(f"user_{slug(name)}_secret", self.reference(name, secret), "  sensitive   = true\n")
        if self.outputs == "starred":
            return f"{first}\n\n/*{second}*/"
        if self.outputs == "starred together":
            return f"/*\n{first}\n\n{second}\n*/"
        if self.outputs == "hashed":
            return f"{first}\n\n" + "\n".join(f"# {line}" for line in second.split("\n"))
        return f"{first}\n\n{second}"

    def _map(self) -> str:
        """Return the map of all names; for blocks it has a line each, as a `for` cannot list them."""
        names = f"{self.module}names"
        if self.style != "block":
            value = f"{{ for key, user in module.{self.module} : key => user.iam_user_name }}"
            return _output(names, value, "")
        widest = max((len(name) + 2 for name in self.names), default=0)
        lines = [
            f"    {chr(34) + name + chr(34):<{widest}} = {self.reference(name, 'iam_user_name')}\n"
            for name in self.names
        ]
        return _output(names, "{\n" + "".join(lines) + "  }", "")


def _output(label: str, value: str, more: str) -> str:
    words = label.rpartition("_")[2]
    return f'output "{label}" {{\n  description = "The {words}"\n  value       = {value}\n{more}}}'


@st.composite
def styled_layers(draw: Callable[..., object]) -> Layer:
    """Draw a layer with people and machine users in any styles."""

    def pick(choices: Sequence[object]) -> object:
        return draw(st.sampled_from(choices))

    people = draw(st.lists(NAMES, unique_by=slug, min_size=1, max_size=5))
    machines = draw(st.lists(NAMES, unique_by=slug, max_size=3))
    assert isinstance(people, list)
    assert isinstance(machines, list)
    if draw(st.booleans()):
        people = sorted(people)
    written = [
        Written(
            str(pick(STYLES)),
            names,
            machine,
            str(pick(BANNERS)),
            str(pick(OUTPUTS)),
            bool(draw(st.booleans())),
            Habits(trailing_comma=bool(draw(st.booleans()))),
        )
        for names, machine in ((people, False), ([f"machine.{name}" for name in machines], True))
    ]
    groups = []
    for name, kind in zip(
        ("devops", "finops", "machines"), (written[0], written[0], written[1]), strict=True
    ):
        members = [kind.reference(who, "iam_user_name") for who in kind.names if draw(st.booleans())]
        own = draw(HABITS)
        assert isinstance(own, Habits)
        groups.append(_group(name, own.list(members)))
    files = files_of(written, groups)
    if draw(st.booleans()):
        files = {"main.tf": "\n".join(files.values())}
    ending = pick(["as is", "no final newline", "CRLF"])
    change: dict[object, Callable[[str], str]] = {
        "no final newline": lambda text: text.rstrip("\n"),
        "CRLF": lambda text: text.replace("\n", "\r\n"),
    }
    files = {name: change.get(ending, str)(text) for name, text in files.items()}
    return layer_of(files, {name: f"KEY{name}\n" for kind in written for name in kind.names})


def files_of(written: Sequence[Written], groups: Sequence[str]) -> dict[str, str]:
    """Return the files of a layer, with a heading over each part."""
    parts = {
        "groups.tf": groups,
        "outputs.tf": [kind.outputs_tf() + "\n" for kind in written if kind.names],
        "policies.tf": [BUCKET],
        "users.tf": [kind.users_tf() for kind in written],
        "values.tf": [kind.values_tf() for kind in written if kind.values_tf()],
    }
    return {
        name: f"#\n# {name}\n#\n\n" + "\n#\n# more\n#\n".join(texts)
        for name, texts in parts.items()
        if any(texts)
    }


def _group(name: str, members: str) -> str:
    return (
        f'module "iam_group_{name}" {{\n  source = "../modules/iam-group-with-policies"\n'
        f'  name   = "{name}"\n\n  group_users = {members}\n}}\n'
    )


def layer_with(key_of_b: str) -> Layer:
    """Return a layer with three people and two machine users; the second of these has this key."""
    written = [
        Written("block", ["a.a", "b.b"]),
        Written("objects", ["machine.a", "machine.b"], machine=True),
        Written("list", ["l.l"]),
    ]
    files = files_of(written, [group("devops", [], Habits())])
    files["values.tf"] = files["values.tf"].replace("keys/machine.b", key_of_b)
    return layer_of(files, {name: f"KEY{name}\n" for name in ("a.a", "machine.a", "l.l")})
