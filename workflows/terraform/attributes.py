"""The changes inside a resource as lines that are safe to show: secrets are masked first.

A plan's JSON carries the state: ciphertexts, keys, a mail password in clear text. Values that Terraform or a
provider marks as sensitive, or that have the name of a secret, never become text here; everything else is
redacted like the log.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workflows.core.parsing import parse_json
from workflows.core.shapes import as_list
from workflows.terraform.redaction import redact

MASK = "(sensitive)"
LATER = "(known after apply)"
_SECRET_NAME = re.compile(
    r"password|secret|token|pgp_key|private_key|api_?key|encrypted|credential|passphrase|base_?32|qr_code|seed",
    re.IGNORECASE,
)
_HARMLESS = {"password_reset_required", "password_length", "allow_users_to_change_password"}
_POLICY = re.compile(r"^(?:max|minimum)_password_|^password_reuse_")
"""Settings of the account's password policy, which contain no password."""
_WIDEST = 160
_SHORTEST_SECRET = 12
"""Shorter values skip redaction: most values do, and there can be many thousands of them."""
_MOST_LINES = 200


def attribute_lines(change: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the changes inside one resource, one line each, from a plan's `change` object.

    Args:
        change: with `before`, `after`, `after_unknown`, `before_sensitive` and `after_sensitive`.

    Returns:
        Lines that begin with "+ " (added), "- " (removed), "~ " (changed), or two blanks and one of these
        (inside the attribute above). Secrets are `(sensitive)`, values only AWS can determine
        `(known after apply)`.
    """
    before, after = change.get("before") or {}, change.get("after") or {}
    unknown = change.get("after_unknown") or {}
    lines: list[str] = []
    for name in sorted({*before, *after, *unknown}):
        later = marks_anything(unknown.get(name)) if isinstance(unknown, Mapping) else False
        old, new = _empty_as_none(before.get(name)), _empty_as_none(after.get(name))
        if old != new or later:
            lines += _lines(name, old, new, later=later and new is None, hidden=_hidden(name, change))
    return tuple(lines[:_MOST_LINES])


def marks_anything(unknown: object) -> bool:
    """Return whether a mask (`after_unknown`, …), nested like the values, marks anything."""
    if isinstance(unknown, Mapping):
        unknown = [*unknown.values()]
    return any(map(marks_anything, unknown)) if isinstance(unknown, list) else bool(unknown)


def _hidden(name: str, change: Mapping[str, Any]) -> bool:
    marks = (change.get("before_sensitive"), change.get("after_sensitive"))
    if any(mark is True or (isinstance(mark, Mapping) and marks_anything(mark.get(name))) for mark in marks):
        return True
    return bool(_SECRET_NAME.search(name)) and name not in _HARMLESS and not _POLICY.search(name)


def _lines(name: str, old: object, new: object, *, later: bool, hidden: bool) -> list[str]:
    if hidden or later:
        was = None if old is None else MASK if hidden else _text(old)
        becomes = MASK if hidden and not later else LATER if later else _text(new)
        return [_change(name, was, None if new is None and not later else becomes)]
    if isinstance(old, list) or isinstance(new, list):
        return _listed(name, as_list(old), as_list(new))
    if isinstance(old, dict) or isinstance(new, dict):
        return list(_mapped(name, _as_dict(old), _as_dict(new)))
    if _is_document(old) or _is_document(new):
        return _documents(name, old, new)
    return [_change(name, None if old is None else _text(old), None if new is None else _text(new))]


def _change(name: str, old: str | None, new: str | None) -> str:
    if old is None:
        return f"+ {name} = {new}"
    return f"- {name} = {old}" if new is None else f"~ {name} = {old} → {new}"


def _listed(name: str, old: Sequence[Any], new: Sequence[Any]) -> list[str]:
    """Return what a list or set loses and gains; the order only matters if nothing else changes."""
    gone = [item for item in old if item not in new]
    come = [item for item in new if item not in old]
    if not gone and not come:
        return [f"~ {name} is in another order"]
    inner = [f"  - {_text(item)}" for item in gone] + [f"  + {_text(item)}" for item in come]
    return [f"{_sign(old, new)} {name}", *inner]


def _mapped(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    yield f"{_sign(old, new)} {name}"
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key):
            secret = bool(_SECRET_NAME.search(key))
            was, becomes = (
                None if value is None else MASK if secret else _text(value)
                for value in (old.get(key), new.get(key))
            )
            yield "  " + _change(key, was, becomes)


def _documents(name: str, old: object, new: object) -> list[str]:
    """Return the difference between two policies, line by line."""
    changed = [line for line in difflib.ndiff(_pretty(old), _pretty(new)) if line[:1] in {"+", "-"}]
    return [f"{_sign(old, new)} {name}", *(f"  {line[0]} {_shown(line[2:])}" for line in changed)]


def _sign(old: object, new: object) -> str:
    return "+" if not old else "-" if not new else "~"


def _is_document(value: object) -> bool:
    return isinstance(value, str) and ("\n" in value or value.lstrip()[:1] in {"{", "["})


def _pretty(value: object) -> list[str]:
    if not isinstance(value, str):
        return []
    try:
        return json.dumps(_masked(parse_json(value)), indent=2, ensure_ascii=False).splitlines()
    except ValueError:
        return value.splitlines()


def _text(value: object) -> str:
    return _shown(json.dumps(_masked(value), ensure_ascii=False))


def _masked(value: object) -> object:
    """Mask values with a secret's name at any depth."""
    if isinstance(value, Mapping):
        return {
            key: MASK if _SECRET_NAME.search(str(key)) and item is not None else _masked(item)
            for key, item in value.items()
        }
    return [_masked(item) for item in value] if isinstance(value, list) else value


def _shown(text: str) -> str:
    """Redact a text, then truncate it, so that truncation can't hide a pattern from the redaction."""
    clean = redact(text) if len(text) >= _SHORTEST_SECRET else text
    return clean if len(clean) <= _WIDEST else f"{clean[: _WIDEST - 1]}…"


def _empty_as_none(value: object) -> object:
    """Treat empty values as None: providers fill omitted attributes with them, so they don't differ."""
    return value if value not in ("", [], {}) else None


def _as_dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
