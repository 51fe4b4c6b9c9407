"""Other findings about a layer: files that are not read or not edited, and commented-out code.

`# "jane.doe",` among the users is somebody disabled for a while. Only comments that consist of such entries
count; prose is left to the reader of the file.

AWS makes a new user change the password at the first sign-in, before a device can be registered. A statement
that denies every action but some while `aws:MultiFactorAuthPresent` is false must exempt iam:ChangePassword.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path

from tree_sitter import Node

from workflows.core.parsing import parse_json
from workflows.core.shapes import as_list
from workflows.hcl.blocks import hiding_comments
from workflows.hcl.document import Block, Document, function_call, walk
from workflows.hcl.values import evaluate, value_of
from workflows.layer.files import FileSet, is_override, key_folders, read_documents
from workflows.layer.model import Finding, Layer, Person, Place, Subject, place_of
from workflows.layer.read.declarations import attribute_of, group_modules, made_by, user_modules
from workflows.layer.read.references import parsed_reference

_OF_NO_PERSON = frozenset({"provider", "terraform", "locals", "variable"})
"""Blocks that don't concern a user, a group or the account, or that are merged as Terraform does."""
_A_USER = re.compile(rb'^[ \t]*resource[ \t]+"aws_iam_user"', re.MULTILINE)
_RESOURCES = {
    "aws_iam_user": (Subject.USER, "user"),
    "aws_iam_group": (Subject.GROUP, "group"),
    "aws_iam_user_group_membership": (Subject.MEMBER, "membership"),
    "aws_iam_group_membership": (Subject.MEMBER, "membership"),
    "aws_iam_account_alias": (Subject.ACCOUNT, "account alias"),
    "aws_iam_account_password_policy": (Subject.ACCOUNT, "password policy"),
}


def read_findings(files: FileSet) -> Iterator[Finding]:
    """Yield findings about files, resources and commented-out blocks, in file order."""
    for document in files.documents.values():
        if document.broken:
            message = f"{document.name} has {document.broken}, so iam-onboard doesn't edit it."
            yield _of_file(message, document.name, document.broken_at, hand_edit=True)
        if is_override(document.name):
            telling = (block for block in document.blocks if block.kind not in _OF_NO_PERSON)
            message = "An override file changes what the other files say; iam-onboard doesn't show that."
            yield from (_of_file(message, document.name, block.line) for block in islice(telling, 1))
        yield from _resources(document)
        yield from _hidden(document)


def missing_keys(files: FileSet, people: Iterable[Person]) -> Iterator[Finding]:
    """Yield the people whose key file is missing, which makes `file()` fail every plan of the layer."""
    folders = {*key_folders(files.documents)}
    for person in people:
        path = person.key_file
        if path is not None and path not in files.keys and posixpath.dirname(path) in folders:
            message = f"{path}, the key of {person.iam_name}, is missing, so Terraform can't plan."
            yield Finding(message, person.place, Subject.KEY, person.iam_name)


def dangling_members(layer: Layer) -> Iterator[Finding]:
    """Yield the members whom no module declares, which makes every plan of the layer fail.

    There are none where the layer may declare more people than could be read.
    """
    unsure = layer.files.broken or any(
        finding.subject is Subject.USER and finding.hand_edit for finding in layer.findings
    )
    for finding in layer.findings:
        named = finding.subject is Subject.MEMBER and finding.label and finding.group
        if named and not (unsure or finding.hidden):
            yield finding


def wrapped_users(folder: Path, root: Path | None, files: FileSet) -> Iterator[Finding]:
    """Yield the project's own modules that create users with resources, which don't show in the layer.

    Args:
        folder: the layer's folder, to which module paths are relative.
        root: the project's root folder; modules outside it are ignored.
        files: the layer's files.

    Raises:
        OSError: a file of such a module cannot be read.
    """
    for block in files.blocks_of("module"):
        source = (block.source_of("source") or "").strip('"')
        if not source.startswith(("./", "../")) or made_by(block) is not None:
            continue
        inner = (folder / source).resolve()
        inside = root is None or inner.is_relative_to(root.resolve())
        if inside and inner.is_dir() and any(read_documents(inner, _A_USER)):
            message = f"The Terraform module “{block.label}” makes users in {source}, which aren't shown."
            yield Finding(message, place_of(block), Subject.USER, block.label, hand_edit=True)


def account_resources(files: FileSet) -> list[Finding]:
    """Return findings about an account alias or a password policy set by a resource; they hide no person."""
    found = (resource for document in files.documents.values() for resource in _resources(document))
    return [resource for resource in found if resource.subject is Subject.ACCOUNT]


def _of_file(message: str, name: str, line: int, *, hand_edit: bool = False) -> Finding:
    return Finding(message, Place(name, line), Subject.FILE, name, hand_edit=hand_edit)


def _resources(document: Document) -> Iterator[Finding]:
    for block in document.blocks_of("resource"):
        if len(block.header) == 3 and block.header[1] in _RESOURCES:
            subject, what = _RESOURCES[block.header[1]]
            message = f"The {what} {block.label} is a resource, not a module, so iam-onboard can't edit it."
            hides_people = subject is not Subject.ACCOUNT
            yield Finding(message, place_of(block), subject, block.label, hand_edit=hides_people)


def read_unread(names: Iterable[str]) -> list[Finding]:
    """Return findings about the layer's unread files: those in JSON, and those only for OpenTofu."""
    why = {".tf.json": "is in JSON", ".tofu": "is only for OpenTofu", ".tofu.json": "is for OpenTofu alone"}
    return [
        _of_file(f"{name} {words}: iam-onboard doesn't show what it declares.", name, 1, hand_edit=True)
        for name in names
        for ending, words in why.items()
        if name.endswith(ending)
    ]


def _hidden(document: Document) -> Iterator[Finding]:
    """Yield the modules and outputs that are commented out."""
    for comment in hiding_comments(document):
        for block in comment.blocks:
            subject = Subject.OUTPUT if block.kind == "output" else None
            if block.kind == "module":
                subject = made_by(block)
            if subject in {Subject.OUTPUT, Subject.GROUP, Subject.USER}:
                place = Place(document.name, comment.items[0].row + block.line)
                message = f"The {subject} {block.label} is hidden in a comment."
                yield Finding(message, place, subject, block.label, hidden=True)


_MARKS = (b"#", b"//", b"/*")
_LEAD = re.compile(r"^\s*(?:#+|//+|/\*+)?\s*")
_NAMES = re.compile(r'(?:,?\s*"[\w+=,.@-]+"\s*)+,?\s*', re.ASCII)
_NAME = re.compile(r'"([\w+=,.@-]+)"', re.ASCII)
_PAIR = re.compile(r'"?([\w+=.@-]+)"?\s*[=:]\s*(?:"[^"]*"\s*,?\s*|\{.*)', re.ASCII)


def read_hidden_entries(files: FileSet) -> Iterator[Finding]:
    """Yield the people and group members that are commented out in a list or map."""
    lists: list[tuple[Document, Node, str | None]] = [
        *(
            (module.document, module.container, None)
            for module in user_modules(files)
            if module.container is not None
        ),
        *(
            (block.document, attribute.value, block.label)
            for block in group_modules(files)
            if (attribute := attribute_of(block, "group_users")) is not None
            and attribute.value.type == "tuple"
        ),
    ]
    for document, container, group in lists:
        for name, line in _entries(document, container):
            subject = Subject.USER if group is None else Subject.MEMBER
            where = "" if group is None else f" of group module {group}"
            message = f"The {subject} {name}{where} is hidden in a comment."
            yield Finding(message, Place(document.name, line), subject, name, group or "", hidden=True)


def _entries(document: Document, container: Node) -> Iterator[tuple[str, int]]:
    """Yield the names of commented-out entries, and their lines."""
    data, maps = document.data, container.type == "object"
    if not any(data.find(mark, container.start_byte, container.end_byte) >= 0 for mark in _MARKS):
        return
    inside = False  # a commented-out object, by line or block comments
    for comment in container.children:
        if comment.type != "comment":
            inside = False
            continue
        for row, line in enumerate(
            document.text(comment).removesuffix("*/").splitlines(), comment.start_point.row
        ):
            text = _LEAD.sub("", line).rstrip().removesuffix("*/").rstrip()
            if not inside:
                yield from ((name, row + 1) for name in _named(text, maps=maps))
            inside = maps and (inside or text.endswith("{")) and not text.startswith("}")


def _named(text: str, *, maps: bool) -> list[str]:
    if maps:
        pair = _PAIR.fullmatch(text)
        return [pair[1]] if pair is not None else []
    if _NAMES.fullmatch(text):
        return _NAME.findall(text)
    reference = parsed_reference(text.rstrip(","))
    return [reference.key or reference.module] if reference is not None else []


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
