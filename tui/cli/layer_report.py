"""A layer in words and as JSON values, for the command line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tui.cli.output import columns
from workflows.layer.model import Group, Layer, Person, Setting


def layer_record(layer: Layer, binary: str | None) -> dict[str, Any]:
    """What `layer show --json` prints.

    Args:
        layer: the layer.
        binary: `TF_BINARY` of the project's build.env, or None.
    """
    location, locked = layer.location, layer.location.locked
    return {
        "layer": location.relative,
        "account": location.account,
        "account_id": location.account_id,
        "profile": location.backend.get("profile"),
        "styles": list(dict.fromkeys(str(one.style) for one in layer.people)),
        "binary": binary or (locked.registry if locked else None),
        "required_version": location.required_version,
        "provider": locked.version if locked else None,
        "people": [person_record(one) for one in layer.people],
        "groups": [
            {
                "name": one.name,
                "members": list(one.members),
                "policies": list(one.policies),
                "machine": one.machine,
                "editable": one.editable,
                "place": str(one.place),
            }
            for one in layer.groups
        ],
        "outputs": [{"name": one.name, "person": one.person, "hidden": False} for one in layer.outputs]
        + [{"name": one.name, "person": one.person, "hidden": True} for one in layer.hidden_outputs],
        "account_settings": account_record(layer),
        "findings": [
            {
                "message": one.message,
                "place": str(one.place),
                "subject": one.subject.value,
                "label": one.label,
                "by_hand": one.hand_edit,
                "hidden": one.hidden,
            }
            for one in layer.findings
        ],
    }


def person_record(person: Person) -> dict[str, Any]:
    """A person as JSON values."""
    return {
        "name": person.iam_name,
        "declaration": person.declaration,
        "style": str(person.style),
        "key_file": person.key_file,
        "login_profile": person.login_profile,
        "access_key": person.access_key,
        "machine": person.machine,
        "groups": list(person.groups),
        "editable": person.editable,
        "place": str(person.place),
    }


def account_record(layer: Layer) -> dict[str, Any] | None:
    """The account's settings as JSON values, or None."""
    account = layer.account
    if account is None:
        return None
    alias = account.alias
    return {
        "alias": _setting_record(alias) if alias else None,
        "policy": {one.name: _setting_record(one) for one in account.policy},
        "editable": account.editable,
        "place": str(account.place),
    }


def layer_lines(layer: Layer, binary: str | None) -> Iterator[str]:
    """What `layer show` prints.

    Args:
        layer: the layer.
        binary: `TF_BINARY` of the project's build.env, or None.
    """
    record = layer_record(layer, binary)
    yield f"{record['layer']} ({record['account']} {record['account_id'] or 'without an id'})"
    yield f"  styles    {', '.join(record['styles']) or 'no users'}"
    yield f"  binary    {record['binary'] or 'any'} {record['required_version'] or ''}".rstrip()
    yield f"  provider  AWS {record['provider'] or 'not locked'}"
    yield f"  profile   {record['profile'] or 'none'}"
    yield from _table("People", [_person_row(one) for one in layer.people])
    yield from _table("Groups", [(one.name, _place(one), _members(one)) for one in layer.groups])
    if layer.account is not None:
        yield "Account"
        yield from account_lines(layer)
    if layer.findings:
        yield "To know"
        for one in layer.findings:
            yield f"  {one.place}: {one.message}{' Edit it by hand.' if one.hand_edit else ''}"


def account_lines(layer: Layer) -> Iterator[str]:
    """The account's settings, a line each."""
    account = layer.account
    if account is None:
        yield "  no settings in this layer"
        return
    for one in ([account.alias] if account.alias else []) + list(account.policy):
        value = "not known" if one.value is None else str(one.value)
        value = value.lower() if isinstance(one.value, bool) else value
        yield f"  {one.name} = {value}" + ("" if one.literal else f"   (written as {one.source})")


def _setting_record(setting: Setting) -> dict[str, Any]:
    return {"value": setting.value, "source": setting.source, "literal": setting.literal}


def _members(group: Group) -> str:
    if group.members:
        return ", ".join(group.members)
    return "not known" if group.computed else "nobody"


def _person_row(person: Person) -> tuple[str, ...]:
    access = [
        words if switch else f"{words} not known"
        for words, switch in (("password", person.login_profile), ("access key", person.access_key))
        if switch is not False
    ]
    groups = ", ".join(person.groups) or "no group"
    declaration = "" if person.declaration == person.iam_name else person.declaration
    return (
        person.iam_name,
        declaration,
        person.key_file or "key not known",
        ", ".join(access) or "neither",
        _place(person),
        groups,
    )


def _place(one: Person | Group) -> str:
    return str(one.place) if one.editable else f"{one.place} (by hand)"


def _table(title: str, rows: Sequence[tuple[str, ...]]) -> list[str]:
    return [title, *(columns(rows) if rows else ["  none"])]
