"""Find policies that deny the first password change, which happens before anyone can have MFA.

AWS makes a new user change the password at the first sign-in, before a device can be registered. A statement
that denies every action but some while `aws:MultiFactorAuthPresent` is false must exempt iam:ChangePassword.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase

from tree_sitter import Node

from workflows.core.parsing import parse_json
from workflows.core.shapes import as_list
from workflows.hcl.document import Block, Document, function_call, walk
from workflows.hcl.values import evaluate, value_of
from workflows.layer.files import FileSet
from workflows.layer.model import Place, place_of

_WORTH_READING = b"aws:MultiFactorAuthPresent"
_HEREDOC = re.compile(r"<<-?(\w+)\n(.*?)\n\s*\1\s*$", re.DOTALL)

_Statement = Mapping[str, object]


def mfa_denials(files: FileSet) -> tuple[Place, ...]:
    """Return where statements deny iam:ChangePassword without MFA; computed statements are skipped."""
    return tuple(
        place
        for document in files.documents.values()
        if _WORTH_READING in document.data
        for place, statement in _statements(document)
        if _denies(statement)
    )


def _statements(document: Document) -> Iterator[tuple[Place, _Statement]]:
    """Yield the statements of policy documents and JSON policies, with the names of IAM's JSON."""
    for block in document.blocks_of("data"):
        if block.header[1] == "aws_iam_policy_document":
            dynamic = (content for outer in block.nested("dynamic") for content in outer.nested("content"))
            for statement in (*block.nested("statement"), *dynamic):
                yield place_of(statement), _of_block(statement)
    for node in walk(document.root):
        policy = _json(document, node) if node.type in {"heredoc_template", "function_call"} else None
        if isinstance(policy, Mapping):
            for parsed in as_list(policy.get("Statement")):
                if isinstance(parsed, Mapping):
                    yield Place(document.name, node.start_point.row + 1), parsed


def _of_block(block: Block) -> _Statement:
    def value(part: Block, name: str) -> object:
        return value_of(part.attributes.get(name), {})

    conditions: dict[str, dict[str, object]] = {}
    for condition in block.nested("condition"):
        variables = conditions.setdefault(str(value(condition, "test")), {})
        variables[str(value(condition, "variable"))] = value(condition, "values")
    wanted = {"Effect": "effect", "Action": "actions", "NotAction": "not_actions"}
    found = {name: value(block, attribute) for name, attribute in wanted.items()}
    return {**{name: fact for name, fact in found.items() if fact is not None}, "Condition": conditions}


def _json(document: Document, node: Node) -> object:
    """Return the policy in a heredoc or in `jsonencode(…)`; None for anything else, or invalid JSON."""
    if node.type == "function_call":
        name, arguments = function_call(document, node)
        return evaluate(document, arguments[0], {}) if name == "jsonencode" and arguments else None
    text = _HEREDOC.search(document.text(node))
    try:
        return parse_json(re.sub(r"\$\{[^}]*\}", "*", text[2])) if text else None
    except ValueError:
        return None


def _denies(statement: _Statement) -> bool:
    condition = statement.get("Condition")
    values = [
        value
        for test, variables in (condition.items() if isinstance(condition, Mapping) else ())
        if test in {"Bool", "BoolIfExists"} and isinstance(variables, Mapping)
        for name, given in variables.items()
        if str(name).casefold() == "aws:multifactorauthpresent"
        for value in as_list(given)
    ]
    if statement.get("Effect") != "Deny" or "false" not in [str(value).lower() for value in values]:
        return False
    actions = as_list(statement.get("Action", statement.get("NotAction")))
    if not all(isinstance(action, str) for action in actions):
        return False
    matches = any(fnmatchcase("iam:changepassword", str(action).casefold()) for action in actions)
    return matches is ("NotAction" not in statement)
