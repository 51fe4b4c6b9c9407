"""The sibling that a new person's declaration follows, and what the person copies from it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from support.layers import USERS, contents, edit_layer, layer_of

from workflows.core.sentences import text_of
from workflows.hcl.lists import position_for
from workflows.layer.edit.operation import EditRefused
from workflows.layer.edit.people import AddPerson, RemovePerson
from workflows.layer.edit.run import check
from workflows.layer.model import Layer

WITH_FIELDS = """module "user" {
  source   = "../modules/iam-user"
  for_each = local.users

  name           = each.key
  ssh_public_key = each.value.ssh
  tags           = { Team = each.value.team, Mail = each.value.mail }

  pgp_key = file(each.value.key)
}
"""

MODULE = """module "user" {
  source   = "../modules/iam-user"
  for_each = var.users

  name                          = each.value.name
  create_iam_user_login_profile = each.value.login
  create_iam_access_key         = false
  pgp_key                       = file(each.value.pgp_key)
}
"""


def entry(key: str, name: str) -> str:
    login = str(not name.startswith("machine.")).lower()
    return f"""    {key} = {{
      name    = "{name}"
      login   = {login}
      pgp_key = "keys/{name}"
    }}
"""


def block(label: str, name: str, banner: str) -> str:
    return f"""#{"=" * 25}#
# User: {banner:<17}#
#{"=" * 25}#
module "user_{label}" {{
  source = "../modules/iam-user"

  name = "{name}"

  create_iam_user_login_profile = true
  create_iam_access_key         = false

  pgp_key = file("keys/{name}")
}}
"""


@pytest.mark.parametrize(
    ("keys", "new"),
    [
        ({"frank": "frank", "grace_hopper": "grace.hopper"}, "    max_planck = {\n"),
        ({"frank": "frank", '"grace.hopper"': "grace.hopper"}, '    "max.planck" = {\n'),
        ({"frank": "frank", "machine_ci": "machine.ci"}, "    max_planck = {\n"),
        ({"frank": "frank"}, '    "max.planck" = {\n'),
    ],
)
def test_the_key_of_a_new_entry_is_spelled_as_one_that_tells(keys: dict[str, str], new: str) -> None:
    entries = "".join(entry(key, name) for key, name in keys.items())
    values = f'variable "users" {{\n  default = {{\n{entries}  }}\n}}\n'
    layer = layer_of({"users.tf": MODULE, "variables.tf": values}, dict.fromkeys(keys.values(), "QUJD\n"))
    after = edit_layer(layer, [AddPerson("max.planck", "QUJD\n")])
    assert new in after.files.documents["variables.tf"].data.decode()


@pytest.mark.parametrize(
    "blocks",
    [
        [
            block("marcos_pagnuco", "marcos.pagnucco", "marcos.pagnucco"),  # another label: not followed
            block("ada_lovelace", "ada.lovelace", "Grace Hopper"),
        ],
        [
            block("ada_x_org", "ada@x.org", "ada@x.org"),
            block("eve_ops_x_org", "eve+ops@x.org", "Eve Ops X Org"),
        ],
    ],
    ids=["another's name", "an address"],
)
def test_a_banner_is_followed_that_names_its_own_person(blocks: list[str]) -> None:
    layer = layer_of({"users.tf": "\n".join(blocks)}, dict.fromkeys(("ada@x.org", "eve+ops@x.org"), "QUJD\n"))
    after = edit_layer(layer, [AddPerson("zoe.brown", "QUJD\n")])
    banner, _, _ = after.files.documents["users.tf"].data.decode().partition('module "user_zoe_brown"')
    words = banner.splitlines()[-2].casefold().replace(".", " ").split()
    assert words == ["#", "user:", "zoe", "brown", "#"]


def plain_block(name: str, banner: str) -> str:
    body = block(name.replace(".", "_"), name, "").partition("#\n")[2].partition("#\n")[2].partition("#\n")[2]
    return f"{banner}{body}"


@pytest.mark.parametrize(
    ("banners", "copied"),
    [
        ({"alex.kim": "# alex.kim\n"}, "# bo.ek\n"),
        ({"alex.kim": "# User: Alex Kim\n"}, "# User: Bo Ek\n"),
        ({"alex.kim": "# alex.kim, joined 2021\n"}, ""),
        ({"alex.kim": "# 2021: alex.kim\n"}, ""),
        ({"alex.kim": "# alex.kim, joined 2021\n", "zoe.x": "# zoe.x\n"}, "# bo.ek\n"),
        ({"alex.kim": "# alex.kim (user)\n", "zoe.x": "# zoe.x (user)\n"}, "# bo.ek (user)\n"),
        (
            {"alex.kim": "# Lead: alex.kim\n", "zoe.x": "# User: zoe.x\n", "eve.y": "# User: eve.y\n"},
            "# User: bo.ek\n",
        ),
    ],
)
def test_a_banner_that_says_more_than_the_name_is_not_copied(banners: dict[str, str], copied: str) -> None:
    blocks = [plain_block(name, banner) for name, banner in banners.items()]
    layer = layer_of({"users.tf": "\n".join(blocks)}, dict.fromkeys(banners, "QUJD\n"))
    after = edit_layer(layer, [AddPerson("bo.ek", "QUJD\n")]).files.documents["users.tf"].data.decode()
    before, _, _ = after.partition('module "user_bo_ek"')
    line = before.rpartition("\n\n")[2]
    assert line == copied
    assert "2021" not in line


def test_the_mark_of_a_machine_user_is_a_part_of_the_name() -> None:
    machine = plain_block("machine.git.hub", "# User: Machine Git Hub\n").replace("= true", "= off")
    machine = machine.replace("= false", "= true").replace("= off", "= false")
    person = plain_block("alex.kim", "# User: Alex Kim\n")
    layer = layer_of(
        {"users.tf": f"{person}\n{machine}"}, {"alex.kim": "QUJD\n", "machine.git.hub": "QUJD\n"}
    )
    edited = edit_layer(layer, [AddPerson("machine.git.lab", "QUJD\n", machine=True)])
    assert b"# User: Machine Git Lab\n" in edited.files.documents["users.tf"].data


SHARED = "machine.infra"
IN_SECTIONS = """locals {
  users = ["jane.doe"]

  machine_users = {
    # one key for all
    "machine.atlantis" = "machine.infra"
    "machine.metrics"  = "machine.infra"

    # each with a key of its own
    "machine.ci" = "machine.ci"
  }
}
"""
ROBOT = block("ci", "machine.ci", "Machine CI").replace("login_profile = true", "login_profile = false")
ROBOT = ROBOT.replace("access_key         = false", "access_key         = true")


@pytest.mark.parametrize(("first", "odd"), [("atlantis", False), ("zoo", True)])
def test_only_a_user_out_of_order_in_the_section_of_the_new_one_is_named(first: str, odd: bool) -> None:
    others = "".join(f'    "machine.{name}" = "{SHARED}"\n' for name in (first, "lab", "metrics", "qa"))
    text = (
        IN_SECTIONS.partition('    "machine.atl')[0]
        + others
        + IN_SECTIONS[IN_SECTIONS.index("\n    # each") :]
    )
    keys = {"machine.ci": "QUJD\n", SHARED: "QUJE\n", "jane.doe": "QUJF\n"}
    new = AddPerson("machine.deploy", "ignored\n", groups=(), machine=True, shared_key=SHARED)
    problems = check(layer_of({"users.tf": USERS, "locals.tf": text}, keys), [new])
    named = {
        name for name in ("machine.ci", f"machine.{first}") for each in problems if name in str(each.message)
    }
    assert named == ({"machine.zoo"} if odd else set())


OBJECTS_OF_ONE = f'variable "users" {{\n  default = {{\n{entry("m", "machine.ci")}  }}\n}}\n'


@pytest.mark.parametrize(
    ("files", "document", "entry_of_new"),
    [
        (
            {"users.tf": USERS, "locals.tf": IN_SECTIONS},
            "locals.tf",
            '    "machine.deploy"   = "machine.infra"\n    "machine.metrics"  =',
        ),
        (
            {
                "users.tf": MODULE.replace("= false", "= !each.value.login"),
                "variables.tf": OBJECTS_OF_ONE,
            },
            "variables.tf",
            '      pgp_key = "keys/machine.infra"\n',
        ),
        ({"users.tf": ROBOT}, "users.tf", '  pgp_key = file("keys/machine.infra")\n'),
    ],
    ids=["map", "objects", "blocks"],
)
def test_a_machine_user_names_a_key_file_that_is_shared(
    files: dict[str, str], document: str, entry_of_new: str
) -> None:
    layer = layer_of(files, {"machine.ci": "QUJD\n", SHARED: "QUJE\n", "jane.doe": "QUJF\n"})
    new = AddPerson("machine.deploy", "ignored\n", machine=True, shared_key=SHARED)
    added = edit_layer(layer, [new])
    assert added.files.keys == layer.files.keys
    assert entry_of_new in added.files.documents[document].data.decode()
    assert getattr(added.person("machine.deploy"), "key_file", "") == f"keys/{SHARED}"
    for wrong in (replace(new, shared_key="nowhere"), replace(new, machine=False)):
        with pytest.raises(EditRefused):
            edit_layer(layer, [wrong])
    if files.get("users.tf") == USERS:  # elsewhere nothing else refers to it, so it is removed too
        assert contents(edit_layer(added, [RemovePerson("machine.deploy")])) == contents(layer)
        with pytest.raises(EditRefused):
            edit_layer(layer, [replace(new, shared_key="jane.doe")])


@pytest.mark.parametrize(
    ("keys", "key", "position"),
    [
        ("abd", "c", 2),
        ("acegb", "d", 2),  # b was once appended
        ("acegb", "h", 5),
        ("zaceg", "b", 2),
        ("acbeg", "d", 3),
        ("gace", "b", 2),
        ("cab", "b", 3),  # with one of three out of place, there is no order
        ("egcab", "d", 5),
        ("", "a", 0),
    ],
)
def test_a_list_with_one_old_exception_is_alphabetical(keys: str, key: str, position: int) -> None:
    assert position_for(list(keys), key) == position


@pytest.mark.parametrize(("last", "told"), [("lara.okonkwo", ["lara.okonkwo"]), ("zoe.zeta", [])])
def test_the_exception_is_named_beside_the_diff(last: str, told: list[str]) -> None:
    users = ["angelo.f", "diego.o", "jose.p", "luis.g", "matias.r", last]
    rows = "".join(f'    "{user}",\n' for user in users)
    values = f"locals {{\n  users = [\n{rows}  ]\n  machine_users = {{}}\n}}\n"
    layer = layer_of({"users.tf": USERS, "locals.tf": values}, dict.fromkeys(users, "QUJD\n"))
    new = AddPerson("hugo.x", "QUJE\n")
    noted = [
        problem.message
        for problem in check(layer, [new])
        if "alphabet" in problem.message and not problem.fatal
    ]
    assert len(noted) == bool(told)
    assert not [
        problem for problem in check(layer, [replace(new, leaving=(last,))]) if problem.field == "name"
    ]
    assert all(word in message for message in noted for word in told)
    after = edit_layer(layer, [new]).files.documents["locals.tf"].data.decode()
    assert after == values.replace('    "jose.p",\n', '    "hugo.x",\n    "jose.p",\n')


def test_a_machine_user_with_a_key_of_its_own_stands_beside_those_who_have_theirs() -> None:
    values = """locals {
  users = []
  machine_users = {
    # Each of these has its own key.
    "machine.circle" = "machine.circle"
    "machine.github" = "machine.github"
    # These share one.
    "machine.atlantis" = "machine.infra"
    "machine.le"       = "machine.infra"
  }
}
"""
    keys = dict.fromkeys(("machine.circle", "machine.github", "machine.infra"), "QUJD\n")
    layer = layer_of({"users.tf": USERS, "locals.tf": values}, keys)
    for name, before in (("machine.bot", '    "machine.circle"'), ("machine.zoo", "    # These share one.")):
        edited = edit_layer(layer, [AddPerson(name, "QUJE\n", machine=True)])
        lines = edited.files.documents["locals.tf"].data.decode().splitlines()
        at = next(number for number, line in enumerate(lines) if name in line)
        assert lines[at + 1].startswith(before)


def told(layer: Layer, sibling: str, name: str = "b.b") -> list[str]:
    """Return the names in the problem about what a new person copies from a sibling."""
    problems = check(layer, [AddPerson(name, "K", ("ops",))])
    assert not any(problem.fatal for problem in problems)
    words = [re.findall(r"[\w.]*\w", text_of(problem.message)) for problem in problems]
    return next((found for found in words if {name, sibling} <= set(found)), [])


def with_users(*entries: str) -> Layer:
    users = "\n".join(
        f'    "{name}" = {{\n      {text}\n      key = "keys/{name}"\n    }}'
        for name, _, text in (entry.partition(" ") for entry in entries)
    )
    group = (
        'module "iam_group_ops" {\n  source = "../modules/iam-group"\n  name = "ops"\n  group_users = []\n}\n'
    )
    return layer_of(
        {"locals.tf": f"locals {{\n  users = {{\n{users}\n  }}\n}}\n", "users.tf": WITH_FIELDS + group}
    )


def test_groups_of_a_sibling_are_told_even_if_all_have_the_same() -> None:
    assert "groups" in told(with_users('a.a groups = ["admins"]'), "a.a")


def test_a_value_that_is_not_everybodys_is_told() -> None:
    layer = with_users('a.a team = "red"', 'c.c team = "blue"')
    assert "team" in told(layer, "a.a")


def test_what_all_have_alike_and_what_holds_the_name_is_not_told() -> None:
    layer = with_users(
        'a.a team = "red"\n      mail = "a.a@example.org"', 'c.c team = "red"\n      mail = "c.c@example.org"'
    )
    assert told(layer, "a.a") == []
    assert told(with_users("a.a groups = []", "c.c groups = []"), "a.a") == []


def test_an_ssh_key_of_a_block_is_told() -> None:
    users = "".join(
        f'module "user_{name}" {{\n  source = "../modules/iam-user?ref=v{number}"\n  name = "{name}"\n\n'
        f'  force_destroy  = true\n  ssh_public_key = "ssh-ed25519 AAAA{number}"\n\n'
        f'  pgp_key = file("keys/{name}")\n}}\n'
        for number, name in enumerate(("ann", "cat"))
    )
    group = (
        'module "iam_group_ops" {\n  source = "../modules/iam-group"\n  name = "ops"\n  group_users = []\n}\n'
    )
    layer = layer_of({"users.tf": users + group})
    assert "ssh_public_key" in told(layer, "ann", "bob")


def test_a_comment_that_only_the_followed_block_has_is_said_to_be_taken_over() -> None:
    def block(name: str, own: str) -> str:
        slug = name.replace(".", "_")
        return (
            f'module "user_{slug}" {{ {own}\n  source  = "../modules/iam-user"\n  name    = "{name}"\n'
            f'  # the key\n  pgp_key = file("keys/{name}")\n}}\n'
        )

    users = f"{block('alex.kim', '// the lead')}\n{block('zoe.lin', '')}"
    layer = layer_of({"users.tf": users})
    messages = [str(problem.message) for problem in check(layer, [AddPerson("jane.doe", "QUJD\n")])]
    assert any("// the lead" in message for message in messages)
    assert not any("# the key" in message for message in messages)
