"""Outputs of new people: blocks like those of people of the same kind, and entries of a map or list."""

from __future__ import annotations

import pytest
from support.layers import USERS, contents, edit_layer, layer_of
from support.terraform import terraform_argv, terraform_environment

from workflows.layer.edit.outputs import add_entries, remove_outputs, siblings_of
from workflows.layer.edit.people import AddPerson, RemovePerson
from workflows.layer.formatting import fmt_clean
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

KEY = "QUJD\n"


def block(label: str, name: str, *, machine: bool) -> str:
    login, key = (str(flag).lower() for flag in (not machine, machine))
    return f"""module "user_{label}" {{
  source = "../modules/iam-user"

  name          = "{name}"
  force_destroy = true

  create_iam_user_login_profile = {login}
  create_iam_access_key         = {key}

  pgp_key = file("keys/{name}")
}}
"""


def output(label: str, value: str, description: str, *, secret: bool = False) -> str:
    sensitive = "  sensitive   = true\n" if secret else ""
    return f'output "{label}" {{\n  description = "{description}"\n  value       = {value}\n{sensitive}}}\n'


def outputs_of(label: str, owner: str, *, machine: bool, this: str = "") -> str:
    found = [output(f"{label}_name", f"{owner}.{this}iam_user_name", "The user's name")]
    if machine:
        value, described = f"{owner}.{this}iam_access_key", "The encrypted secret, base64 encoded"
        found.append(output(f"{label}_iam_access_key_id", f"{value}_id", "The access key ID"))
        found.append(
            output(
                f"{label}_iam_access_key_encrypted_secret",
                f"{value}_encrypted_secret",
                described,
                secret=True,
            )
        )
    else:
        value = f"{owner}.{this}iam_user_login_profile_encrypted_password"
        described = "The encrypted password, base64 encoded"
        found.append(output(f"{label}_login_profile_encrypted_password", value, described, secret=True))
    return "\n".join(found)


def listed(module: str, name: str) -> str:
    return f'module.{module}["{name}"]'


PEOPLE = "#\n# users.tf sensitive data output (alphabetically ordered)\n#\n"
MACHINES = "#\n# Machine / Automation Users\n#\n"
JANE = outputs_of("user_jane_doe", listed("user", "jane.doe"), machine=False)
CIRCLE = outputs_of("user_CircleCI", listed("machine_user", "machine.circle.ci"), machine=True)
GITHUB = outputs_of("user_GithubActions", listed("machine_user", "machine.github.actions"), machine=True)
PLAIN = outputs_of("user_github_actions", listed("machine_user", "machine.github.actions"), machine=True)
PLAIN = PLAIN.replace("user_github", "user_machine_github")
ROE = outputs_of("user_richard_roe", listed("user", "richard.roe"), machine=False)


def lists(outputs: str, *, people: bool = True, machines: bool = True) -> Layer:
    users = '["jane.doe"]' if people else "[]"
    robots = '{\n    "machine.circle.ci" = "machine.circle.ci"\n  }' if machines else "{}"
    files = {
        "users.tf": USERS,
        "locals.tf": f"locals {{\n  users = {users}\n\n  machine_users = {robots}\n}}\n",
        "outputs.tf": outputs,
    }
    return layer_of(files, {"jane.doe": KEY, "machine.circle.ci": KEY})


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> tuple[tuple[str, ...], dict[str, str]]:
    folder = tmp_path_factory.mktemp("terraform")
    return terraform_argv(folder), terraform_environment(folder)


@pytest.mark.parametrize(
    ("name", "layer", "wanted"),
    [
        (  # each kind in its own section, in the form of its own labels
            "machine.github.actions",
            lists(f"{PEOPLE}{JANE}\n{MACHINES}{CIRCLE}"),
            f"{PEOPLE}{JANE}\n{MACHINES}{CIRCLE}\n{GITHUB}",
        ),
        (
            "richard.roe",
            lists(f"{PEOPLE}{JANE}\n{MACHINES}{CIRCLE}"),
            f"{PEOPLE}{JANE}\n{ROE}\n{MACHINES}{CIRCLE}",
        ),
        (  # the first machine user goes under its banner, or to the end
            "machine.github.actions",
            lists(f"{PEOPLE}{JANE}\n{MACHINES}", machines=False),
            f"{PEOPLE}{JANE}\n{MACHINES}{PLAIN}",
        ),
        (
            "machine.github.actions",
            lists(f"{PEOPLE}{JANE}", machines=False),
            f"{PEOPLE}{JANE}\n{PLAIN}",
        ),
        (  # the first person does not follow the machine users
            "richard.roe",
            lists(f"{MACHINES}{CIRCLE}", people=False),
            f"{ROE.replace('richard_roe', 'RichardRoe')}\n{MACHINES}{CIRCLE}",
        ),
    ],
    ids=["machine", "person", "first under the banner", "first at the end", "first person"],
)
def test_outputs_follow_people_of_the_same_kind(
    name: str, layer: Layer, wanted: str, binary: tuple[tuple[str, ...], dict[str, str]]
) -> None:
    machine = name.startswith("machine.")
    added = edit_layer(layer, [AddPerson(name, KEY, machine=machine)])
    assert added.files.documents["outputs.tf"].data.decode() == wanted
    assert {user_output.person for user_output in added.outputs} == {
        name,
        *(person.iam_name for person in layer.people),
    }
    files = {file: document.data for file, document in added.files.documents.items()}
    assert fmt_clean(binary[0], files, environment=binary[1]) == {}
    without = edit_layer(added, [RemovePerson(name)]).files.documents["outputs.tf"]
    assert without.data == layer.files.documents["outputs.tf"].data


@pytest.mark.parametrize("machine", [True, False])
def test_a_block_of_another_kind_lends_its_form_and_not_its_outputs(*, machine: bool) -> None:
    users = block("circle_ci", "circle.ci", machine=not machine)
    outputs = outputs_of("user_circle_ci", "module.user_circle_ci", machine=not machine, this="this_")
    layer = layer_of({"users.tf": users, "outputs.tf": outputs}, {"circle.ci": KEY})
    added = edit_layer(layer, [AddPerson("jane.doe", KEY, machine=machine)])
    own = outputs_of("user_jane_doe", "module.user_jane_doe", machine=machine, this="this_")
    assert added.files.documents["outputs.tf"].data.decode() == f"{outputs}\n{own}"
    assert contents(edit_layer(added, [RemovePerson("jane.doe")])) == contents(layer)


def test_an_output_that_collects_passwords_gets_no_entry_of_a_machine_user() -> None:
    users = block("jane_doe", "jane.doe", machine=False)
    collected = (
        'output "{}" {{\n  value = {{\n    "jane.doe" = module.user_jane_doe.{}\n  }}\n}}\n'.format(*pair)
        for pair in (("names", "iam_user_name"), ("secrets", "iam_user_login_profile_encrypted_password"))
    )
    layer = layer_of({"users.tf": users, "outputs.tf": "\n".join(collected)}, {"jane.doe": KEY})
    outputs = edit_layer(layer, [AddPerson("github.ci", KEY, machine=True)]).files.documents["outputs.tf"]
    names, _, secrets = outputs.data.decode().partition('output "secrets"')
    assert "module.user_github_ci.iam_user_name" in names
    assert "github" not in secrets


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
