"""A layer in words and as JSON values, for the command line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Any

from workflows.layer.model import Group, Layer, Person, Setting

_LIST_NARROWEST, _LIST_INDENT = 24, 6
"""Columns that a list wants beside the others; with fewer it goes below them, indented by so many."""


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
            {"message": one.message, "place": str(one.place), "by_hand": one.hand_edit}
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


def layer_lines(layer: Layer, binary: str | None, width: int | None = None) -> Iterator[str]:
    """What `layer show` prints.

    Args:
        layer: the layer.
        binary: `TF_BINARY` of the project's build.env, or None.
        width: the terminal's columns, in which long lists go on below; None leaves everybody on one line.
    """
    record = layer_record(layer, binary)
    yield f"{record['layer']} ({record['account']} {record['account_id'] or 'without an id'})"
    yield f"  styles    {', '.join(record['styles']) or 'no users'}"
    yield f"  binary    {record['binary'] or 'any'} {record['required_version'] or ''}".rstrip()
    yield f"  provider  AWS {record['provider'] or 'not locked'}"
    yield f"  profile   {record['profile'] or 'none'}"
    yield from _table("People", [_person_row(one) for one in layer.people], width)
    groups = [(one.name, _place(one), _members(one)) for one in layer.groups]
    yield from _table("Groups", groups, width)
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


def _table(title: str, rows: Sequence[tuple[str, ...]], width: int | None) -> Iterator[str]:
    """Rows under a title, their columns in line; the last one is a list of any length."""
    yield title
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)][:-1]
    for row in rows:
        cells = (cell.ljust(wide) for cell, wide in zip(row, widths, strict=False) if wide)
        yield from _with_list("  " + "  ".join(cells) + "  ", row[-1], width)
    if not rows:
        yield "  none"


def _with_list(start: str, words: str, width: int | None) -> Iterator[str]:
    """A line that ends in a list: with a width, what does not fit goes on below where the list begins."""
    if width is None or len(start) + len(words) <= width:
        yield start + words
        return
    indent = " " * (len(start) if width - len(start) >= _LIST_NARROWEST else _LIST_INDENT)
    lines = wrap(words, max(width - len(indent), 1), break_long_words=False, break_on_hyphens=False)
    if len(indent) < len(start):
        yield start.rstrip()
    else:
        yield start + lines.pop(0)
    yield from (indent + line for line in lines)
