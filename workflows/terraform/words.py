"""Describe a plan: by person for the screen, and as Markdown for a pull request."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass
from enum import StrEnum

from workflows.core.sentences import Sentence, count, joined, text_of
from workflows.core.text import safe
from workflows.terraform.plan import (
    ACCESS_KEY,
    GROUP,
    GROUP_MEMBERS,
    LOGIN_PROFILE,
    PASSWORD_POLICY,
    USER,
    Action,
    Plan,
    ResourceChange,
)
from workflows.terraform.redaction import redact


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
    policy a group gets. Secrets are masked (see `attributes`).

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
