"""A small evaluator of IAM policies: an explicit deny wins, then an allow; the default is not allowed.

It follows "Policy evaluation logic" in the IAM user guide for identity-based and role trust policies. An
unknown condition never helps the caller: it fails in an Allow and holds in a Deny.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from enum import Enum
from functools import lru_cache
from typing import Any

from workflows.core.parsing import parse_json
from workflows.core.shapes import as_list

Context = Mapping[str, str]
Statement = Mapping[str, Any]


class Verdict(Enum):
    """The result of evaluating policies for a request."""

    ALLOWED = "allowed"
    NOT_ALLOWED = "not allowed"
    DENIED = "explicitly denied"


def evaluate(documents: Iterable[str], action: str, resource: str, context: Context) -> Verdict:
    """Evaluate identity-based policies.

    Args:
        documents: the policies' JSON texts.
        action: the IAM action, `service:Operation`.
        resource: the resource's ARN.
        context: the request's condition keys and values, without those that the request lacks.

    Raises:
        ValueError: a document is not JSON.
    """
    return _verdict(
        (
            statement
            for statement in statements(documents)
            if _action_matches(statement, action) and _resource_matches(statement, resource, context)
        ),
        context,
    )


def evaluate_trust(document: str, principals: Collection[str], context: Context) -> Verdict:
    """Evaluate a role's trust policy for AssumeRole.

    Args:
        document: the trust policy's JSON text.
        principals: the names of the caller: its own ARN, its account's root ARN, its account id, "*".
        context: the request's condition keys and values.
    """
    return _verdict(
        (
            statement
            for statement in statements([document])
            if _action_matches(statement, "sts:AssumeRole")
            and any(_principal_matches(statement, name) for name in principals)
        ),
        context,
    )


def _verdict(matching: Iterable[Statement], context: Context) -> Verdict:
    verdict = Verdict.NOT_ALLOWED
    for statement in matching:
        if statement["Effect"] == "Deny":
            if _conditions_hold(statement, context, unknown=True):
                return Verdict.DENIED
        elif _conditions_hold(statement, context, unknown=False):
            verdict = Verdict.ALLOWED
    return verdict


def statements(documents: Iterable[str]) -> Iterable[Statement]:
    """Yield the statements of all documents."""
    for document in documents:
        body = parse_json(document).get("Statement", [])
        yield from [body] if isinstance(body, dict) else body


def _action_matches(statement: Statement, action: str) -> bool:
    patterns = _listed(statement.get("NotAction", statement.get("Action")))
    return any(_like(pattern, action, ignore_case=True) for pattern in patterns) != ("NotAction" in statement)


def _resource_matches(statement: Statement, resource: str, context: Context) -> bool:
    patterns = _listed(statement.get("NotResource", statement.get("Resource")))
    among = any(_like(_filled(pattern, context), resource) for pattern in patterns)
    return among != ("NotResource" in statement)


def _principal_matches(statement: Statement, principal: str) -> bool:
    named = statement.get("Principal")
    return principal in (_listed(named.get("AWS")) if isinstance(named, dict) else _listed(named))


def _listed(value: object) -> list[str]:
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in as_list(value)]


def _filled(pattern: str, context: Context) -> str:
    """Replace a pattern's policy variables; an unknown one stays unchanged, and so matches nothing."""
    return re.sub(r"\$\{([^}]+)}", lambda match: context.get(match[1].strip(), match[0]), pattern)


@lru_cache(maxsize=4096)
def _pattern(pattern: str, ignore_case: bool) -> re.Pattern[str]:  # noqa: FBT001 - a cache's key
    text = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    return re.compile(text, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _like(pattern: str, value: str, *, ignore_case: bool = False) -> bool:
    return _pattern(pattern, ignore_case).fullmatch(value) is not None


def _number(test: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    return lambda wanted, actual: test(float(actual), float(wanted))


_TESTS: dict[str, Callable[[str, str], bool]] = {
    "Bool": lambda wanted, actual: wanted.lower() == actual.lower(),
    "StringEquals": lambda wanted, actual: wanted == actual,
    "StringEqualsIgnoreCase": lambda wanted, actual: wanted.lower() == actual.lower(),
    "StringLike": _like,
    "ArnEquals": _like,
    "ArnLike": _like,
    "NumericEquals": _number(lambda actual, wanted: actual == wanted),
    "NumericLessThan": _number(lambda actual, wanted: actual < wanted),
    "NumericLessThanEquals": _number(lambda actual, wanted: actual <= wanted),
    "NumericGreaterThan": _number(lambda actual, wanted: actual > wanted),
    "NumericGreaterThanEquals": _number(lambda actual, wanted: actual >= wanted),
    "DateLessThan": lambda wanted, actual: actual < wanted,
    "DateGreaterThan": lambda wanted, actual: actual > wanted,
}
"""An operator with "Not" in its name is the opposite of the one without."""


def _conditions_hold(statement: Statement, context: Context, *, unknown: bool) -> bool:
    keys = {key.lower(): value for key, value in context.items()}
    return all(
        _holds(
            operator, keys.get(key.lower()), [_filled(value, context) for value in values], unknown=unknown
        )
        for operator, tests in statement.get("Condition", {}).items()
        for key, values in zip(tests, map(_listed, tests.values()), strict=True)
    )


def _holds(operator: str, actual: str | None, wanted: list[str], *, unknown: bool) -> bool:
    if operator == "Null":
        return (actual is None) == (wanted[0].lower() == "true")
    if_exists = operator.endswith("IfExists")
    base = operator.removesuffix("IfExists")
    negated = "Not" in base
    test = _TESTS.get(base.replace("Not", ""))
    if test is None:
        return unknown
    if actual is None:
        return if_exists or negated
    return any(test(value, actual) for value in wanted) != negated
