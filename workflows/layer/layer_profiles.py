"""Which AWS profiles a layer's Terraform will ask for: the state's, the provider's, other layers' states'.

Terraform would tell of one that is missing only in the middle of a plan. The names are constants once the
project's variables are known (`var.profile`, `"${var.project}-shared-devops"`); a name that only Terraform
can work out is given as "".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from workflows.layer.declarations import constants
from workflows.layer.document import Attribute, Document
from workflows.layer.files import FileSet, is_override
from workflows.layer.values import evaluate, object_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from workflows.layer.document import Block
    from workflows.layer.project import LayerLocation

_WORTH_READING = re.compile(
    rb'^[ \t]*"?profile"?[ \t]*[=:]|^[ \t]*variable\b|"terraform_remote_state"', re.MULTILINE
)


class Use(StrEnum):
    """What a profile is for."""

    STATE = "the state"
    PROVIDER = "the provider"
    OTHER_PROVIDER = "another provider"
    OTHER_STATE = "the state of another layer"


@dataclass(frozen=True, slots=True)
class NamedProfile:
    """A profile that a layer names.

    Attributes:
        name: the profile, or "" where only Terraform can tell.
        use: what it is for.
        place: where it is named, as `config.tf:12`, or the backend file.
        certain: whether it is asked for in any case: a data source with `count` or `for_each` may have none,
            and nobody may use a provider with an alias.
    """

    name: str
    use: Use
    place: str
    certain: bool = True


def named_profiles(location: LayerLocation) -> tuple[NamedProfile, ...]:
    """The profiles that a layer names, the state's first."""
    documents = dict(_documents(location))
    names = constants(FileSet(documents, {}), location.variables)
    found: dict[tuple[str, ...], NamedProfile] = {}
    # An override file's block takes the place of the one that it overrides, and it comes last.
    for document in documents.values():
        for block in document.blocks:
            found.update(_of_block(block, names))
    if profile_of_file := location.backend.get("profile"):
        place = f"{location.account}/config/{location.backend_config.name}"
        found["backend",] = NamedProfile(profile_of_file, Use.STATE, place)
    return tuple(sorted(found.values(), key=lambda one: list(Use).index(one.use)))


def _documents(location: LayerLocation) -> Iterator[tuple[str, Document]]:
    paths = sorted(location.path.glob("*.tf"), key=lambda path: (is_override(path.name), path.name))
    for path in paths:
        data = path.read_bytes() if path.is_file() else b""
        if _WORTH_READING.search(data):
            yield path.name, Document(path.name, data)


def _of_block(block: Block, names: Mapping[str, object]) -> Iterator[tuple[tuple[str, ...], NamedProfile]]:
    match block.header:
        case ("provider", "aws"):
            alias = block.attributes.get("alias")
            word = str(evaluate(block.document, alias.value, names)) if alias else ""
            use = Use.OTHER_PROVIDER if alias else Use.PROVIDER
            if profile := block.attributes.get("profile"):
                yield ("provider", word), _named(profile, names, use, certain=alias is None)
        case ("data", "terraform_remote_state", label):
            config = block.attributes.get("config")
            certain = not {"count", "for_each"} & block.attributes.keys()
            if config is not None:
                yield from ((("data", label), one) for one in _of_config(config, names, certain=certain))
        case ("terraform",):
            for backend in _nested(block, "backend"):
                if profile := backend.get("profile"):
                    yield ("backend",), _named(profile, names, Use.STATE)


def _of_config(config: Attribute, names: Mapping[str, object], *, certain: bool) -> Iterator[NamedProfile]:
    """The profile in the `config` of a remote state's data source."""
    document = config.document
    if config.value.type != "object":
        yield NamedProfile("", Use.OTHER_STATE, _place(config), certain)
        return
    for element in document.elements(config.value):
        if object_key(document, element) == "profile":
            value = evaluate(document, element.children[2], names)
            place = f"{document.name}:{element.start_point.row + 1}"
            name = value if isinstance(value, str) else ""
            yield NamedProfile(name, Use.OTHER_STATE, place, certain)


def _named(
    attribute: Attribute, names: Mapping[str, object], use: Use, *, certain: bool = True
) -> NamedProfile:
    value = evaluate(attribute.document, attribute.value, names)
    return NamedProfile(value if isinstance(value, str) else "", use, _place(attribute), certain)


def _place(attribute: Attribute) -> str:
    return f"{attribute.document.name}:{attribute.line}"


def _nested(block: Block, kind: str) -> Iterator[dict[str, Attribute]]:
    """The attributes of the blocks of a kind inside a block."""
    bodies = [child for child in block.node.children if child.type == "body"]
    for node in (child for body in bodies for child in body.children):
        if node.type == "block" and block.document.text(node.children[0]) == kind:
            inner = [child for body in node.children if body.type == "body" for child in body.children]
            attributes = [Attribute(block.document, one) for one in inner if one.type == "attribute"]
            yield {one.name: one for one in attributes}
