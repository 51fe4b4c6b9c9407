"""Files without lists or templates are read from their text, others from the tree, with equal results."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st
from support.layers import layer_of

from workflows.layer.model import Layer
from workflows.layer.read.declarations import user_modules

LIST = "locals {\n  nothing = []\n}\n"
NAMES = ('"alex.kim"', '"j.d"', "var.project", "local.who", "each.key", "each.value.name", '""', "7", "null")
KEYS = ('file("keys/alex.kim")', 'filebase64("keys/j")', '"keybase:jd"', "local.key", 'upper("x")', "var.key")
SWITCHES = ("true", "false", '"true"', '"false"', "null", "1", "var.on", "local.on")
SOURCES = (
    '"../modules/iam-user"',
    '"git::x//modules/iam-user?ref=v6.0.0"',
    '"../modules/iam-group"',
    "var.x",
)
LINES = {
    "name": NAMES,
    "pgp_key": KEYS,
    "create_iam_user_login_profile": SWITCHES,
    "create_login_profile": SWITCHES,
    "create_iam_access_key": SWITCHES,
    "create_access_key": SWITCHES,
    "source": SOURCES,
    "for_each": ("var.users", "local.users"),
    "count": ("1", 'length("x")'),
    "account_alias": ('"a"',),
}
BLOCKS = st.lists(
    st.sampled_from([(name, value) for name, values in LINES.items() for value in values]), max_size=7
)


def told(read: Layer) -> tuple[object, ...]:
    modules = [
        (user_module.label, user_module.style, user_module.reason, user_module.place)
        for user_module in user_modules(read.files)
    ]
    account = read.account and (read.account.place, read.account.editable)
    groups = [(group.name, group.members, group.reason) for group in read.groups]
    return read.people, groups, account, read.findings, modules


def both(text: str) -> tuple[Layer, Layer]:
    rest = {"locals.tf": 'locals {\n  who = "kim.lee"\n  on = true\n}\n'}
    plain, tree = (layer_of({"users.tf": users, **rest}) for users in (text, text + LIST))
    assert plain.files.documents["users.tf"].is_plain
    assert not tree.files.documents["users.tf"].is_plain
    return plain, tree


@given(st.lists(BLOCKS, min_size=1, max_size=3))
def test_blocks_say_the_same_by_their_text_and_by_their_tree(blocks: list[list[tuple[str, str]]]) -> None:
    text = "".join(
        f'module "user_{number}" {{\n' + "".join(f"  {name} = {value}\n" for name, value in lines) + "}\n"
        for number, lines in enumerate(blocks)
    )
    plain, tree = both(text)
    assert told(plain) == told(tree)


@pytest.mark.parametrize("again", ["name", "pgp_key"])
def test_an_attribute_that_is_set_twice_is_noticed_in_both(again: str) -> None:
    lines = '  source = "../iam-user"\n  name = "a.a"\n  pgp_key = file("keys/a.a")\n'
    repeated = next(line for line in lines.splitlines() if line.strip().startswith(again))
    for read in both(f'module "user_a_a" {{\n{lines}{repeated}\n}}\n'):
        (person,) = read.people
        assert not person.editable
        assert all(part in read.findings[0].message for part in (f" {again} ", " users.tf:5"))
