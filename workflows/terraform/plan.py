"""A plan for people: who is affected, and how; read from its `show -json`.

That output carries the state, with ciphertexts and a mail password in clear text. So its values are only used
as names (of users, groups, roles), as import ids, and in the lines about what changes inside a resource.
There, values that Terraform or a provider marks as sensitive, or that have the name of a secret, are masked
first; everything else is redacted like the log.

The plan is described by person for the screen, and as Markdown for a pull request.
"""

from __future__ import annotations

import difflib
import json
import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workflows.core.openpgp import fingerprint_in
from workflows.core.parsing import parse_json
from workflows.core.sentences import Sentence, count, joined, text_of
from workflows.core.shapes import as_list
from workflows.core.text import safe
from workflows.terraform.redaction import redact


class Action(StrEnum):
    """What happens to a resource."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    REPLACE = "replace"
    FORGET = "forget"
    NOTHING = "no-op"


LOGIN_PROFILE = "aws_iam_user_login_profile"
ACCESS_KEY = "aws_iam_access_key"
USER = "aws_iam_user"
GROUP = "aws_iam_group"
GROUP_MEMBERS = "aws_iam_group_membership"
PASSWORD_POLICY = "aws_iam_account_password_policy"  # noqa: S105 - the type of a resource
ACCOUNT_TYPES = ("aws_iam_account_alias", PASSWORD_POLICY)


@dataclass(frozen=True)
class ResourceChange:
    """One resource that the plan changes.

    Attributes:
        address: the resource's address.
        type: the resource's type ("aws_iam_user").
        action: what happens to it.
        user: the name of the IAM user it concerns, or None.
        group: the name of the IAM group it concerns, or None.
        joining: users that a group gains.
        leaving: users that a group loses.
        members_unknown: True if Terraform knows the members only after the apply.
        attributes: names of the changed attributes, sorted; never their values.
        import_id: for a created resource, the id for importing an existing one, or ""; see `ACCOUNT_ID`.
        details: the changes inside it, as lines safe to show (see `attribute_lines`); secrets are masked.
        password_length: for a new login profile, the length of its password; else None.
        rekeyed: True if what it replaces was encrypted to another PGP key.
    """

    address: str
    type: str
    action: Action
    user: str | None = None
    group: str | None = None
    joining: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()
    members_unknown: bool = False
    attributes: tuple[str, ...] = ()
    import_id: str = ""
    details: tuple[str, ...] = ()
    password_length: int | None = None
    rekeyed: bool = False

    @property
    def people(self) -> tuple[str, ...]:
        """The users that it concerns, including those who join or leave its group, each once."""
        return tuple(dict.fromkeys(name for name in (self.user, *self.joining, *self.leaving) if name))


@dataclass(frozen=True)
class OutputChange:
    """An output that changes, without its values."""

    name: str
    action: Action


@dataclass(frozen=True)
class Plan:
    """The effects of a plan file.

    Attributes:
        changes: every managed resource that changes, in the plan's order.
        outputs: every output that changes.
        drift: resources that Terraform found changed outside Terraform.
        accounts: the ids of the accounts of its IAM resources, as AWS reported them.
        least_password_length: the account's minimum password length after the apply; None if the layer has no
            such policy.
    """

    changes: tuple[ResourceChange, ...]
    outputs: tuple[OutputChange, ...] = ()
    drift: tuple[ResourceChange, ...] = ()
    accounts: frozenset[str] = frozenset()
    least_password_length: int | None = None

    def short_passwords(self, least: int) -> tuple[ResourceChange, ...]:
        """Return the new login profiles with passwords shorter than a policy allows."""
        return tuple(
            change for change in self.changes if change.password_length and change.password_length < least
        )

    @property
    def is_empty(self) -> bool:
        """Whether applying it would change nothing, not even an output."""
        return not self.changes and not self.outputs

    @property
    def destroyed(self) -> tuple[ResourceChange, ...]:
        """The changes that destroy something for good."""
        return tuple(change for change in self.changes if change.action is Action.DELETE)

    @property
    def replaced(self) -> tuple[ResourceChange, ...]:
        """The changes that replace something; for a login profile that means a new password."""
        return tuple(change for change in self.changes if change.action is Action.REPLACE)

    @property
    def users(self) -> tuple[str, ...]:
        """Every user that a change concerns, including those who join or leave a group, sorted."""
        return tuple(sorted({name for change in self.changes for name in change.people}))

    def counts(self) -> dict[str, int]:
        """Count the resources to add, change and destroy; a replaced one counts as added and destroyed."""
        found = Counter(change.action for change in self.changes)
        replaced = found[Action.REPLACE]
        return {
            "add": found[Action.CREATE] + replaced,
            "change": found[Action.UPDATE],
            "destroy": found[Action.DELETE] + replaced,
        }


ACCOUNT_ID = "{account}"
"""The placeholder in an import id for the account's id, which a plan doesn't contain."""

_BY = {
    "aws_iam_user": "name",
    "aws_iam_user_login_profile": "user",
    "aws_iam_group": "name",
    "aws_iam_role": "name",
    "aws_iam_account_alias": "account_alias",
    "aws_iam_instance_profile": "name",
}

NOT_IMPORTABLE = {
    "aws_iam_access_key": (
        "An access key can't be imported with its secret: nobody can read the existing key's secret again."
    ),
}
"""Types that must be replaced even if one exists, and why."""
_OF_AN_ACCOUNT = re.compile(r"arn:[a-z-]+:iam::(\d{12}):")


def read_plan(show_json: Mapping[str, Any]) -> Plan:
    """Read the output of `terraform show -json PLANFILE` (format 0.2 to 1.x; unknown fields are ignored)."""
    entries = show_json.get("resource_changes", ())
    owners = {kind: _by_module(entries, kind) for kind in (USER, GROUP)}
    lengths = (
        (entry["change"].get("after") or {}).get("minimum_password_length")
        for entry in entries
        if entry["type"] == PASSWORD_POLICY
    )
    outputs = show_json.get("output_changes", {})
    return Plan(
        changes=tuple(_changes(entries, owners)),
        outputs=tuple(
            OutputChange(name, action)
            for name, change in outputs.items()
            if (action := _action(change["actions"])) is not Action.NOTHING
        ),
        drift=tuple(
            change
            for change in _changes(show_json.get("resource_drift", ()), owners)
            if change.action is not Action.UPDATE or change.attributes
        ),
        accounts=_accounts_of(show_json.get("prior_state")),
        least_password_length=next((length for length in lengths if isinstance(length, int)), None),
    )


_Owners = Mapping[str, Mapping[str, str]]
"""The users and groups by type and module; resources there without a name belong to them."""


def _by_module(entries: Iterable[Mapping[str, Any]], kind: str) -> dict[str, str]:
    """Return the names of a type's resources by module address."""
    return {
        str(entry["module_address"]): name
        for entry in entries
        if entry["type"] == kind and entry.get("mode") == "managed" and entry.get("module_address")
        if isinstance(name := _known(entry["change"]).get("name"), str)
    }


def _changes(entries: Iterable[Mapping[str, Any]], owners: _Owners) -> Iterable[ResourceChange]:
    for entry in (entry for entry in entries if entry.get("mode") == "managed"):
        change = entry["change"]
        action = _action(change["actions"])
        if action is Action.NOTHING and not entry.get("previous_address") and not change.get("importing"):
            continue
        joining, leaving, unknown = _members(entry["type"], change)
        user, group = _about(entry, owners)
        yield ResourceChange(
            address=str(entry["address"]),
            type=str(entry["type"]),
            action=action,
            user=user,
            group=group,
            joining=joining,
            leaving=leaving,
            members_unknown=unknown,
            attributes=_changed_attributes(change) if action in {Action.UPDATE, Action.REPLACE} else (),
            import_id=import_id(entry["type"], _known(change)) if action is Action.CREATE else "",
            details=attribute_lines(change),
            password_length=_password_length(entry["type"], action, change),
            rekeyed=action is Action.REPLACE and _rekeyed(change),
        )


def _password_length(kind: str, action: Action, change: Mapping[str, Any]) -> int | None:
    made = kind == LOGIN_PROFILE and action in {Action.CREATE, Action.REPLACE}
    length = (change.get("after") or {}).get("password_length") if made else None
    return length if isinstance(length, int) else None


def _rekeyed(change: Mapping[str, Any]) -> bool:
    keys = [(change.get(state) or {}).get("pgp_key") for state in ("before", "after")]
    return len({fingerprint_in(key.encode()) for key in keys if isinstance(key, str) and key}) > 1


def _about(entry: Mapping[str, Any], owners: _Owners) -> tuple[str | None, str | None]:
    kind, values, module = entry["type"], _known(entry["change"]), str(entry.get("module_address", ""))
    if kind == USER:
        return values.get("name") or owners[USER].get(module), None
    if kind == GROUP:
        return None, values.get("name") or owners[GROUP].get(module)
    if isinstance(values.get("group"), str):
        return None, values["group"]
    if isinstance(values.get("user"), str):
        return values["user"], None
    return owners[USER].get(module), owners[GROUP].get(module)


def _members(kind: str, change: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    if kind != GROUP_MEMBERS:
        return (), (), False
    before = {name for name in (change.get("before") or {}).get("users") or () if name}
    unknown_users = (change.get("after_unknown") or {}).get("users", False)
    unknown = unknown_users is True or (isinstance(unknown_users, list) and any(unknown_users))
    after = {name for name in (change.get("after") or {}).get("users") or () if name}
    return tuple(sorted(after - before)), () if unknown else tuple(sorted(before - after)), unknown


def _known(change: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the known values of a resource: the old ones, overlaid by the new ones known already."""
    after = {name: value for name, value in (change.get("after") or {}).items() if value is not None}
    return {**(change.get("before") or {}), **after}


def _action(actions: list[str]) -> Action:
    if "create" in actions and ("delete" in actions or "forget" in actions):
        return Action.REPLACE
    known = (Action.CREATE, Action.UPDATE, Action.DELETE, Action.FORGET)
    return next((action for action in known if action in actions), Action.NOTHING)


def _changed_attributes(change: Mapping[str, Any]) -> tuple[str, ...]:
    before, after = change.get("before") or {}, change.get("after") or {}
    unknown = change.get("after_unknown") or {}
    # Providers fill omitted attributes with empty values, which is no real difference.
    names = {name for name in {*before, *after} if (before.get(name) or None) != (after.get(name) or None)}
    return tuple(sorted(names | {name for name, value in unknown.items() if marks_anything(value)}))


def import_id(kind: str, values: Mapping[str, Any]) -> str:
    """Return the id for `terraform import`, or "" if there is none or it is unknown before the apply.

    The rules are those of the AWS provider's documentation (section "Import" of each resource). Group
    memberships, attachments and the password policy are left out on purpose: AWS accepts the same one twice,
    so an apply never fails because one exists.

    Args:
        kind: the resource's type.
        values: its known planned values.

    Returns:
        The id, possibly with `ACCOUNT_ID`.
    """
    if kind == "aws_iam_policy" and values.get("name"):
        return f"arn:aws:iam::{ACCOUNT_ID}:policy{values.get('path') or '/'}{values['name']}"
    value = values.get(_BY.get(kind, ""))
    return value if isinstance(value, str) else ""


def _accounts_of(prior_state: Mapping[str, Any] | None) -> frozenset[str]:
    """Return the ids of the accounts whose users, groups, roles and policies a plan really read.

    A provider's profile can be a name that only Terraform can determine, or assume a role elsewhere. An IAM
    resource's ARN contains the account, as AWS just reported it.

    Args:
        prior_state: the refreshed state in `show -json PLANFILE`, or None.

    Returns:
        12-digit ids; none for a layer without resources.
    """
    values = (prior_state or {}).get("values") or {}
    own = (
        entry
        for entry in _managed(values.get("root_module") or {})
        if str(entry.get("type")).startswith("aws_iam_")
    )
    arns = (str((resource.get("values") or {}).get("arn")) for resource in own)
    return frozenset(found[1] for arn in arns if (found := _OF_AN_ACCOUNT.match(arn)))


def _managed(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the managed resources of a module in `show -json`, and of its child modules."""
    yield from (resource for resource in module.get("resources", ()) if resource.get("mode") == "managed")
    for child in module.get("child_modules", ()):
        yield from _managed(child)


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
            lines += _attribute_lines(
                name, old, new, later=later and new is None, hidden=_hidden(name, change)
            )
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


def _attribute_lines(name: str, old: object, new: object, *, later: bool, hidden: bool) -> list[str]:
    if hidden or later:
        was = None if old is None else MASK if hidden else _text(old)
        becomes = MASK if hidden and not later else LATER if later else _text(new)
        return [_attribute_line(name, was, None if new is None and not later else becomes)]
    if isinstance(old, list) or isinstance(new, list):
        return _listed(name, as_list(old), as_list(new))
    if isinstance(old, dict) or isinstance(new, dict):
        return list(_mapped(name, _as_dict(old), _as_dict(new)))
    if _is_document(old) or _is_document(new):
        return _documents(name, old, new)
    return [_attribute_line(name, None if old is None else _text(old), None if new is None else _text(new))]


def _attribute_line(name: str, old: str | None, new: str | None) -> str:
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
            yield "  " + _attribute_line(key, was, becomes)


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


class Sort(StrEnum):
    """The subject of a line that concerns no person."""

    GROUP = "group"
    RESOURCE = "resource"
    OUTPUT = "output"


@dataclass(frozen=True)
class Line:
    """One line of a plan's summary that concerns no person.

    Attributes:
        sort: its subject.
        words: what happens.
        number: how many such subjects it covers.
    """

    sort: Sort
    words: Sentence
    number: int = 1


MARKDOWN_HEAD = "### Plan for"
"""The beginning of every exported plan."""
_ATTACHMENT = "aws_iam_group_policy_attachment"
_WORDS = {
    (USER, Action.CREATE): "new user",
    (USER, Action.DELETE): "removed for good",
    (USER, Action.REPLACE): "removed and created again, with every password and key lost",
    (USER, Action.UPDATE): "settings change",
    (LOGIN_PROFILE, Action.CREATE): "gets a console password",
    (LOGIN_PROFILE, Action.DELETE): "loses the console password",
    (LOGIN_PROFILE, Action.REPLACE): "gets a new console password; the one in use stops working",
    (LOGIN_PROFILE, Action.UPDATE): "console password settings change",
    (ACCESS_KEY, Action.CREATE): "gets an access key",
    (ACCESS_KEY, Action.DELETE): "loses an access key",
    (ACCESS_KEY, Action.REPLACE): "gets a new access key; the one in use stops working",
    (ACCESS_KEY, Action.UPDATE): "access key settings change",
    (_ATTACHMENT, Action.CREATE): "gets a policy",
    (_ATTACHMENT, Action.DELETE): "loses a policy",
    (PASSWORD_POLICY, Action.CREATE): "the password policy will be set",
    (PASSWORD_POLICY, Action.UPDATE): "the password policy will be changed",
    (PASSWORD_POLICY, Action.DELETE): "the password policy will be removed",
}
# The first character colours the line in a diff block.
_SIGNS = {
    Action.CREATE: "+",
    Action.UPDATE: "!",
    Action.DELETE: "-",
    Action.REPLACE: "-/+",
    Action.FORGET: "forget",
    Action.NOTHING: "=",
}
_PLAIN = {USER, LOGIN_PROFILE, ACCESS_KEY}
"""Types whose action says it all, except for a change in place."""
_FEW = 3
_MOST_INSIDE = 60
_LONGEST = 50_000
"""Maximum characters of the block; GitHub accepts 65,536 in a comment."""
_DONE = {
    Action.CREATE: "created",
    Action.UPDATE: "changed",
    Action.DELETE: "destroyed",
    Action.REPLACE: "destroyed and created again",
    Action.FORGET: "dropped from the state",
    Action.NOTHING: "moved or imported in the state",
}


def summary(plan: Plan) -> tuple[Sentence, ...]:
    """Summarise the plan: a line per person, a line per group, then the account, the rest and outputs."""
    if plan.is_empty:
        return ("Nothing changes.",)
    people = (f"{user}: {'; '.join(_about_user(plan, user))}" for user in plan.users)
    return (*people, *(line.words for line in about_nobody(plan)))


def about_nobody(plan: Plan, but: Container[str] = ()) -> tuple[Line, ...]:
    """Return the lines that concern no person, without the changes at some addresses."""
    changes = [change for change in plan.changes if change.address not in but]
    groups = sorted({change.group for change in changes if change.group})
    about = ((group, _about_group(changes, group)) for group in groups)
    lines = [Line(Sort.GROUP, f"group {group}: {words}") for group, words in about if words]
    rest = [change for change in changes if change.user is None and change.group is None]
    lines += [Line(Sort.RESOURCE, describe(change)) for change in rest]
    if number := len(plan.outputs):
        done = {_DONE[output.action] for output in plan.outputs}
        what = done.pop() if len(done) == 1 else "changed"
        words = f"{count(number, 'output')} will be {what}"
        lines.append(Line(Sort.OUTPUT, words, number))
    return tuple(lines)


def meaning(change: ResourceChange) -> Sentence | None:
    """Return what a change means for its person; None for a resource shown by its address."""
    if change.type == GROUP_MEMBERS:
        moves = [f"{name} joins" for name in change.joining] + [f"{name} leaves" for name in change.leaving]
        return ", ".join(moves) or None
    return _WORDS.get((change.type, change.action))


def _done(change: ResourceChange) -> Sentence:
    """Return what happens to a resource; a few changed settings are given with old and new value."""
    done = meaning(change) or f"{change.address} will be {_DONE[change.action]}"
    inside = [line.removeprefix("~ ") for line in change.details if line.startswith("~ ")]
    few = 0 < len(inside) == len(change.details) <= _FEW and change.type not in _PLAIN | {GROUP_MEMBERS}
    return joined((done, f"({'; '.join(inside)})")) if few else done


def describe(change: ResourceChange) -> Sentence:
    """Describe one change with its user or group, for lists of destroyed or unexpected resources."""
    whom = f"user {change.user}" if change.user else f"group {change.group}" if change.group else ""
    text = _done(change)
    return f"{whom}: {text}" if whom else text


def plan_markdown(plan: Plan, *, title: str, origin: Sentence = "") -> str:
    """Return the plan's actions as redacted Markdown for a pull request, in a collapsible block.

    Changes inside a resource follow its action unless that says it all: the approver of a plan must see which
    policy a group gets. Secrets are masked (see `attribute_lines`).

    Args:
        title: what it is for ("security/global/base-identities").
        origin: a sentence or two about what it was made from, or "".
    """
    total = ", ".join(f"{number} to {verb}" for verb, number in plan.counts().items())
    block, remark = _block(plan, inside=True), ""
    if len(block) > _LONGEST:
        block, remark = (
            _block(plan, inside=False),
            "The changes inside the resources are too long to show here.",
        )
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", block)), default=0))
    lines = [
        *(_prose(f"{MARKDOWN_HEAD} {title}"), ""),
        *([_prose(origin), ""] if origin else []),
        *(_prose(f"- {line}") for line in summary(plan)),
        *("", "<details>", f"<summary>Plan: {total}</summary>", ""),
        *(f"{fence}diff", block, fence),
        *(["", remark] if remark else []),
        *("", "</details>"),
    ]
    if plan.drift:
        lines += ["", "Changed outside of Terraform:", ""]
        lines += [_prose(f"- {change.address} was {_DONE[change.action]}") for change in plan.drift]
    text = "\n".join(lines) + "\n"
    return safe(text, len(text))


def _prose(line: Sentence) -> str:
    """Redact a line outside the code block, where Markdown would take a placeholder for a tag."""
    return redact(text_of(line)).replace("<", r"\<")


def _about_user(plan: Plan, user: str) -> list[str]:
    own = [change for change in plan.changes if change.user == user]
    known = [change for change in own if (change.type, change.action) in _WORDS]
    parts = [_WORDS[change.type, change.action] for change in known]
    joins = sorted(change.group or change.address for change in plan.changes if user in change.joining)
    leaves = sorted(change.group or change.address for change in plan.changes if user in change.leaving)
    parts += [f"{verb} {', '.join(names)}" for verb, names in (("joins", joins), ("leaves", leaves)) if names]
    if rest := len(own) - len(known):
        parts.append(f"{count(rest, 'other resource')} of this user change")
    return parts


def _about_group(changes: Iterable[ResourceChange], group: str) -> Sentence:
    own = [change for change in changes if change.group == group]
    parts = [f"is {_DONE[change.action]}" for change in own if change.type == GROUP]
    if any(change.members_unknown for change in own):
        parts.append("its members are known only after the apply")
    rest = [change for change in own if change.type not in {GROUP, GROUP_MEMBERS}]
    said = Counter(text_of(_done(change)) for change in rest)
    return "; ".join(
        [*parts, *(f"{words} ({times} times)" if times > 1 else words for words, times in said.items())]
    )


def _block(plan: Plan, *, inside: bool) -> str:
    """Return the actions, one line each, with or without the changes inside the resources."""
    lines = [
        *(
            line
            for change in plan.changes
            for line in (_diff_line(change), *(_inside(change) if inside else ()))
        ),
        *(f"{_SIGNS[output.action]} output.{output.name}" for output in plan.outputs),
    ]
    return redact("\n".join(redact(" ".join(line.splitlines())) for line in lines))


def _inside(change: ResourceChange) -> list[str]:
    if change.type == GROUP_MEMBERS or (change.type in _PLAIN and change.action is not Action.UPDATE):
        return []
    more = len(change.details) - _MOST_INSIDE
    lines = [f"    {line}" for line in change.details[:_MOST_INSIDE]]
    return [*lines, f"    and {more} more lines"] if more > 0 else lines


def _diff_line(change: ResourceChange) -> str:
    moves = [*(f"+{name}" for name in change.joining), *(f"-{name}" for name in change.leaving)]
    details = moves or list(change.attributes)
    suffix = f"  ({', '.join(details)})" if details else ""
    return f"{_SIGNS[change.action]} {change.address}{suffix}"
