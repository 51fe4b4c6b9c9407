"""Outputs that list people in a map or list literal: entries are added and removed with their people."""

from __future__ import annotations

import pytest
from support.layers import USERS, contents, edit_layer, layer_of

from workflows.layer.edit.outputs import add_entries, remove_outputs, siblings_of
from workflows.layer.edit.people import AddPerson, RemovePerson
from workflows.layer.model import Layer

KEYS = {"a.a": "A", "c.c": "C"}
# where the new entry goes, and what it is
FORMS = {
    "map": (
        '{\n    "a.a" = module.user["a.a"].name\n§    "c.c" = module.user["c.c"].name\n  }',
        '    "b.bb" = module.user["b.bb"].name\n',
    ),
    "map with colons and commas": (
        '{\n    "a.a" : module.user["a.a"].name,\n§    "c.c" : module.user["c.c"].name\n  }',
        '    "b.bb" : module.user["b.bb"].name,\n',
    ),
    "map with labels": (
        '{\n    user_a_a = module.user["a.a"].name # a\n§    user_c_c = module.user["c.c"].name\n  }',
        '    user_b_bb = module.user["b.bb"].name\n',
    ),
    "map of objects": (
        '{\n    "a.a" = {\n      id = "${module.user["a.a"].name}"\n      mail = "a.a@x.org"\n    }\n§  }',
        '    "b.bb" = {\n      id = "${module.user["b.bb"].name}"\n      mail = "b.bb@x.org"\n    }\n',
    ),
    "list": (
        '[\n    module.user["a.a"].name,\n§    module.user["c.c"].name,\n  ]',
        '    module.user["b.bb"].name,\n',
    ),
    "list on a line": (
        '[module.user["a.a"].name, §module.user["c.c"].name]',
        'module.user["b.bb"].name, ',
    ),
    "map on a line": (
        '{ "a.a" = module.user["a.a"].name, §"c.c" = module.user["c.c"].name }',
        '"b.bb" = module.user["b.bb"].name, ',
    ),
}


MAP = FORMS["map"][0].replace("§", "")


def with_output(value: str, label: str = "passwords") -> Layer:
    return layer_of(
        {
            "locals.tf": 'locals {\n  users = ["a.a", "c.c"]\n\n  machine_users = {}\n}\n',
            "outputs.tf": f'output "{label}" {{\n  value = {value}\n}}\n',
            "users.tf": USERS,
        },
        KEYS,
    )


def value_of(layer: Layer) -> str:
    text = layer.files.documents["outputs.tf"].data.decode()
    return text.partition("value = ")[2].removesuffix("\n}\n")


@pytest.mark.parametrize("form", FORMS)
def test_an_entry_comes_and_goes_with_its_person(form: str) -> None:
    text, entry = FORMS[form]
    before, after = text.replace("§", ""), text.replace("§", entry)
    layer = with_output(before)
    edited = edit_layer(layer, [AddPerson("b.bb", "B")])
    assert " ".join(value_of(edited).split()) == " ".join(after.split())
    assert contents(edit_layer(edited, [RemovePerson("b.bb")])) == contents(layer)
    left = edit_layer(layer, [RemovePerson("a.a")])
    assert "a.a" not in value_of(left).replace("# a.a", "")
    person = edited.person("b.bb")
    assert person is not None
    without = remove_outputs(edited.files, person.owner)
    assert without.contents["outputs.tf"] == layer.files.contents["outputs.tf"]
    alike = [known for known in edited.people if known.iam_name in {"a.a", "c.c"}]
    again = add_entries(without, person, siblings_of(edited, person, alike))
    assert again.contents["outputs.tf"] == edited.files.contents["outputs.tf"]


def test_equal_signs_stay_in_one_column() -> None:
    layer = with_output(MAP)
    edited = edit_layer(layer, [AddPerson("b.bb", "B")])
    assert value_of(edited) == (
        '{\n    "a.a"  = module.user["a.a"].name\n    "b.bb" = module.user["b.bb"].name\n'
        '    "c.c"  = module.user["c.c"].name\n  }'
    )


def test_everybody_may_leave_a_map() -> None:
    layer = edit_layer(with_output(MAP), [RemovePerson("a.a"), RemovePerson("c.c")])
    assert value_of(layer) == "{}"


@pytest.mark.parametrize(
    "value",
    [
        '{\n    username = module.user["a.a"].name\n    password = module.user["a.a"].password\n  }',
        '[\n    module.user["a.a"].name,\n    module.user["a.a"].password,\n  ]',
    ],
)
def test_an_output_about_one_person_alone_is_no_collection(value: str) -> None:
    layer = with_output(value, "user_a_a")
    assert layer.outputs[0].person == "a.a"
    assert edit_layer(layer, [RemovePerson("a.a")]).outputs == ()


def test_people_get_no_entry_where_most_have_none() -> None:
    layer = with_output(MAP.replace('"c.c"', '"x"'))
    few = layer_of(
        {
            **{name: document.data for name, document in layer.files.documents.items()},
            "locals.tf": 'locals {\n  users = ["a.a", "c.c", "d.d"]\n\n  machine_users = {}\n}\n',
        },
        KEYS,
    )
    edited = edit_layer(few, [AddPerson("b.bb", "B")])
    assert value_of(edited) == value_of(few)


def test_a_block_users_entry_is_keyed_as_its_siblings_are() -> None:
    users = "\n".join(
        f'module "user_{name}_ci" {{\n  source = "../modules/iam-user"\n  name   = "{name}.ci"\n\n'
        f'  pgp_key = file("keys/{name}.ci")\n}}\n'
        for name in ("audit", "build")
    )
    outputs = (
        'output "ids" {\n  value = {\n    audit_ci = module.user_audit_ci.iam_access_key_id\n'
        "    build_ci = module.user_build_ci.iam_access_key_id\n  }\n}\n"
    )
    layer = layer_of({"users.tf": users, "outputs.tf": outputs}, {"audit.ci": "A", "build.ci": "B"})
    edited = edit_layer(layer, [AddPerson("brave.ci", "C")])
    assert "    brave_ci = module.user_brave_ci.iam_access_key_id\n    build_ci" in value_of(edited)
    assert contents(edit_layer(edited, [RemovePerson("brave.ci")])) == contents(layer)
