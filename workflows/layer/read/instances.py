"""What a module repeats over: the entries of its `for_each` or `count`, wherever they are written.

Teams combine lists: `concat(local.admins, ["jane.doe"])`, `toset(keys(local.users))`. Such an expression
can't be edited, but its names can be read: functions that only join, sort or pick are evaluated, and
references to the layer's own locals and variables resolved. Anything else is reported, never guessed.

Nobody is added to or removed from a module with `count = length(var.users)`: its instances are numbers, so
everybody after the changed entry would turn into somebody else (Terraform's documentation, "The count
Meta-Argument").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tree_sitter import Node

from workflows.core.sentences import Sentence
from workflows.hcl.document import Attribute, Document, bare, function_call, unwrap
from workflows.hcl.values import object_key, plain_string, plain_strings
from workflows.layer.files import FileSet, is_override
from workflows.layer.model import Place, place_of

_JOINING = frozenset(
    {"concat", "setunion", "merge", "toset", "tolist", "tomap", "distinct", "sort", "compact"}
)
"""Functions whose result has exactly the entries of their arguments (Terraform's "Functions")."""
_PARTS_OF_FOR = frozenset(
    {"tuple_start", "tuple_end", "object_start", "object_end", "for_intro", "expression", "=>", "comment"}
)
_LONGEST = 60
_DEEPEST = 50
_INDEX = "count.index"
_DECODED = re.compile(r'\b(?:yaml|csv|json)decode\(\s*(?:file|templatefile)\(\s*"([^"]+)"')
_LOCALS = re.compile(r"\blocal\.\w+")
_DATA_NAMES = 3
"""How many levels of locals to follow to the data file with the users."""
_OF_ONE = frozenset({"flatten", "keys", "values"})
"""Further functions, with one argument."""
_COLLECTIONS = frozenset({"tuple", "object", "function_call"})


class Entry(NamedTuple):
    """One entry of a computed list or map.

    Attributes:
        document: the document that contains it.
        node: a list's expression, or a map's element.
        key_only: whether only the key of a map's element counts, as in `keys(local.users)`.
        key_field: the field that becomes the key of a list's object, as in
            `{ for u in local.users : u.name => u }`; "" for any other entry.
        instance_of: the label of the module whose instance of that name is meant, as in
            `[for name in local.admins : module.user[name].name]`; "" for any other entry.
    """

    document: Document
    node: Node
    key_only: bool = False
    key_field: str = ""
    instance_of: str = ""

    @property
    def place(self) -> Place:
        """Where it is written."""
        return Place(self.document.name, self.node.start_point.row + 1)


def computed_entries(files: FileSet, document: Document, node: Node) -> tuple[tuple[Entry, ...], str]:
    """Return the entries of a computed list or map.

    Args:
        files: the layer's files.
        document: the document that contains the expression.

    Returns:
        The entries written in the layer, in order and with repetitions; and the text of the first part whose
        entries are unknown, or "".
    """
    reader = _Reader(files)
    return tuple(reader.read(document, node, ())), reader.unknown


def shortened(document: Document, node: Node, most: int = _LONGEST) -> str:
    """Return an expression's text on one line, truncated to `most` characters to fit into a sentence."""
    text = " ".join(document.text(node).split())
    return text if len(text) <= most else text[: most - 3] + "…"


def _handed_on(entry: Entry, names: Sequence[str], results: Sequence[str]) -> Entry | None:
    """Return the entry that a `for` makes of another one; None if it is more than a plain part of it.

    Args:
        entry: the entry that it iterates over.
        names: its names for a list's entry, or a map's key and value.
        results: the expression of its list, or the key and value of its map.
    """
    if entry.key_field or entry.instance_of:
        return None
    pair = entry.node.type == "object_elem" and not entry.key_only
    key, value = (names[0] if len(names) == 2 and pair else ""), names[-1]
    if pair and list(results) == [key, value]:
        return entry
    item = Entry(entry.document, entry.node.children[2]) if pair else entry
    field = results[0].removeprefix(f"{value}.")
    if field != results[0] and field.isidentifier() and results[1:] in ([], [value]):
        return item._replace(key_field=field)
    if len(set(results)) > 1:
        return None
    if results[0] == value:
        return item if pair or not entry.key_only else entry
    if pair and results[0] == key:
        return entry._replace(key_only=True)
    instance = re.fullmatch(r'module\.([A-Za-z_][\w-]*)\[(\w+)\](?:\.\w+|\["\w+"\])', results[0])
    if instance is None or instance[2] != (key if pair else value):
        return None
    return entry._replace(instance_of=instance[1], key_only=pair or entry.key_only)


def _loop(document: Document, node: Node) -> tuple[Node, list[str], list[str]] | None:
    """Return the parts of a `for` without a condition and without grouping; None for any other expression.

    They are the expression that it iterates over; its names for a list's entry, or a map's key and value; and
    the expression of its list, or the key and value of its map.
    """
    is_for = node.type in {"for_tuple_expr", "for_object_expr"}
    if not is_for or any(child.type not in _PARTS_OF_FOR for child in node.children):
        return None
    intro = next(child for child in node.children if child.type == "for_intro")
    source = next(child for child in intro.children if child.type == "expression")
    names = [document.text(child) for child in intro.children if child.type == "identifier"]
    return source, names, [document.text(child) for child in node.children if child.type == "expression"]


class _Reader:
    """Resolves an expression to its entries, and records the first part that it can't resolve.

    `within` is the path to an expression, outermost first: the text of references, and "" for all else.
    """

    def __init__(self, files: FileSet) -> None:
        self._files = files
        self.unknown = ""

    def read(self, document: Document, node: Node, within: tuple[str, ...]) -> list[Entry]:
        """Return the entries of an expression."""
        if len(within) == _DEEPEST:
            return self._cannot(document, node)
        node = bare(node)
        if node.type in {"tuple", "object"}:
            return [Entry(document, element) for element in document.elements(node)]
        if node.type == "function_call":
            return self._of_call(document, node, (*within, ""))
        if (loop := _loop(document, node)) is not None:
            found = self.read(document, loop[0], (*within, ""))
            handed = [_handed_on(entry, *loop[1:]) for entry in found]
            whole = [entry for entry in handed if entry is not None]
            return whole if len(whole) == len(found) else self._cannot(document, node)
        text = document.text(node)
        defined = definitions(self._files, text) if text not in within else []
        if len(defined) != 1:
            return self._cannot(document, node)
        return self.read(defined[0].document, defined[0].value, (*within, text))

    def _of_call(self, document: Document, node: Node, within: tuple[str, ...]) -> list[Entry]:
        name, arguments = function_call(document, node)
        given = (part for child in node.children[1:] for part in child.children)
        if any(part.type not in {"expression", ",", "comment"} for part in given):
            return self._cannot(document, node)  # an expanded argument: `concat(local.lists...)`
        if name not in _JOINING and (name not in _OF_ONE or len(arguments) != 1):
            return self._cannot(document, node)
        found = [entry for argument in arguments for entry in self.read(document, argument, within)]
        if name == "compact":
            return [entry for entry in found if plain_string(entry.document, entry.node) != ""]
        if name == "flatten":
            return [flat for entry in found for flat in self._flat(entry, within)]
        if name in _JOINING:
            return found
        if any(entry.node.type != "object_elem" for entry in found):
            return self._cannot(document, node)
        if name == "keys":
            return [entry._replace(key_only=True) for entry in found]
        return [Entry(entry.document, entry.node.children[2]) for entry in found]

    def _flat(self, entry: Entry, within: tuple[str, ...]) -> list[Entry]:
        document, node = entry.document, entry.node
        text = document.text(node)
        if unwrap(node).type not in _COLLECTIONS and not text.startswith(("local.", "var.")):
            return [entry]
        inner = self.read(document, node, within)
        return [flat for deeper in inner for flat in self._flat(deeper, (*within, text))]

    def _cannot(self, document: Document, node: Node) -> list[Entry]:
        self.unknown = self.unknown or shortened(document, node)
        return []


class Source(NamedTuple):
    """Where a module's instances are named.

    Attributes:
        document: the document with the list or map.
        container: the list or map; None if there is none to read.
        why: why it can't be edited, as a sentence without a full stop; "" if it can.
        place: the place of the list, map or expression; None if there is none.
        entries: its known entries.
        counted: the source text of the list or map whose length is the module's `count`, or "".
        as_set: whether the list is in a `toset(…)`, or in a `for` that makes a map of it.
    """

    document: Document
    container: Node | None
    why: Sentence
    place: Place | None = None
    entries: tuple[Entry, ...] = ()
    counted: str = ""
    as_set: bool = False


def resolve(files: FileSet, document: Document, node: Node, *, by_name: bool = True) -> Source:
    """Resolve an expression to a list or map, also through a `for` that changes nothing.

    A variable's value in a variables file overrides the default, and a later file an earlier one.

    Args:
        files: the layer's files.
        document: the document that contains the expression.
        node: the unwrapped expression.
        by_name: whether to resolve a name. A list behind a second name may serve another purpose too, so it
            isn't edited.
    """
    if node.type in {"tuple", "object"}:
        entries = tuple(Entry(document, element) for element in document.elements(node))
        return Source(document, node, "", Place(document.name, node.start_point.row + 1), entries)
    text = document.text(node)
    if (handed := _same_entries(document, node)) is not None:
        source, kind, as_set = handed
        found = resolve(files, document, bare(source), by_name=by_name)
        if found.container is not None and found.container.type == kind:
            return found._replace(as_set=found.as_set or as_set)
    if by_name and (defined := definitions(files, text)):
        return _defined(files, text, defined)
    if _is_name(text):
        return _missing(files, document, text)
    return _computed(files, document, node, f"its for_each is computed: {shortened(document, node)}")


def _defined(files: FileSet, text: str, defined: Sequence[Attribute]) -> Source:
    """Resolve a local or a variable, given its definitions, the effective one first."""
    home, value = defined[0].document, defined[0].value
    place = place_of(defined[0])
    if home.broken and value.type not in {"tuple", "object"}:
        return Source(home, None, unwritable(files, home), place)  # the damaged rest looks like an expression
    found = resolve(files, home, value, by_name=False)
    if found.container is None:
        return _computed(files, home, value, f"{text} is computed at {place}: {shortened(home, value)}")
    twice = f"{text} is also set at {place_of(defined[1])}" if len(defined) > 1 else ""
    return found._replace(why=twice or unwritable(files, home))


def _same_entries(document: Document, node: Node) -> tuple[Node, str, bool] | None:
    """Return what an expression passes on unchanged, its required kind, and if it becomes a set; or None.

    Such are `toset(LIST)`, `[for x in LIST : x]`, `{ for x in LIST : x => x }` and `{ for k, v in MAP : k =>
    v }`.
    """
    call, arguments = function_call(document, node)
    if call == "toset" and len(arguments) == 1:
        return arguments[0], "tuple", True
    loop = _loop(document, node)
    if loop is None:
        return None
    source, names, results = loop
    if node.type == "for_tuple_expr":
        return (source, "tuple", False) if len(names) == 1 and results == names else None
    if len(names) == 1:
        return (source, "tuple", True) if results == names * 2 else None
    return (source, "object", False) if results == names else None


def _missing(files: FileSet, document: Document, text: str) -> Source:
    """Return the source for an undefined local or variable, noting any file that can't be parsed."""
    if (broken := files.broken) is None:
        return Source(document, None, f"{text} isn't a list or a map in this layer")
    why = f"{text} wasn't found, and {broken.name} has {broken.broken}"
    return Source(document, None, why, Place(broken.name, broken.broken_at))


def _computed(files: FileSet, document: Document, node: Node, why: str) -> Source:
    known, unknown = computed_entries(files, document, node)
    rest = f", and who is in {unknown} is unknown" if known and unknown else ""
    data = _data_file(files, document.text(node))
    rest += f"; they come from {data}" if data else ""
    return Source(document, None, why + rest, Place(document.name, node.start_point.row + 1), known)


def _data_file(files: FileSet, text: str, deeper: int = _DATA_NAMES) -> str:
    """Return the file that an expression decodes, itself or through locals, as the layer names it, or ""."""
    if (found := _DECODED.search(text)) is not None:
        return found[1].removeprefix("${path.module}/").removeprefix("./")
    if not deeper:
        return ""
    named = (definition for name in _LOCALS.findall(text) for definition in definitions(files, name))
    return next(
        filter(
            None,
            (
                _data_file(files, definition.document.text(definition.node), deeper - 1)
                for definition in named
            ),
        ),
        "",
    )


def _is_name(text: str) -> bool:
    """Return whether a text names a local or a variable."""
    scope, _, name = text.partition(".")
    return scope in {"var", "local"} and name.isidentifier()


def definitions(files: FileSet, text: str) -> list[Attribute]:
    """Return the definitions of a `local.…` or `var.…`, the effective one first; none for other texts."""
    if not _is_name(text):
        return []
    scope, _, name = text.partition(".")
    if scope == "local":
        return _as_merged(
            attribute
            for block in files.blocks_of("locals")
            for attribute in (*block.attributes.values(), *block.duplicates)
            if attribute.name == name
        )
    for document in reversed(list(files.documents.values())):
        if document.name in files.variables and name in document.attributes:
            return [document.attributes[name]]
    return _as_merged(
        block.attributes["default"]
        for block in files.blocks_of("variable")
        if block.label == name and "default" in block.attributes
    )


def _as_merged(definitions: Iterable[Attribute]) -> list[Attribute]:
    """Merge definitions: the last override file's replaces all others."""
    found = list(definitions)
    return [definition for definition in found if is_override(definition.document.name)][-1:] or found


def unwritable(files: FileSet, document: Document) -> Sentence:
    """Return why a document can't be edited, as a sentence without a full stop; "" if it can."""
    if document.name in files.linked:
        return f"{document.name} is shared with other layers"
    return f"{document.name} has {document.broken}" if document.broken else ""


def impurity(document: Document, container: Node) -> Sentence:
    """Return why a list or map can't be edited, as a sentence without a full stop; "" if it can."""
    if container.type == "tuple":
        strings = plain_strings(document, container)
        if None not in strings:
            return ""
        line = document.elements(container)[strings.index(None)].start_point.row + 1
        return f"the entry at line {line} is computed"
    kinds = set()
    for element in document.elements(container):
        line = element.start_point.row + 1
        kind = unwrap(element.children[2]).type
        kinds.add(kind)
        if object_key(document, element) is None or kind not in {"string_lit", "object"} or len(kinds) > 1:
            return f"the entry at line {line} is computed, or written differently from the others"
    return ""


def counted(files: FileSet, document: Document, node: Node) -> Source:
    """Resolve a `count`, which is known if it is the length of a list or map.

    Args:
        files: the layer's files.
        document: the document that contains the expression.
        node: the unwrapped expression.
    """
    call, arguments = function_call(document, node)
    if call != "length" or len(arguments) != 1:
        return Source(document, None, "the number of users is computed")
    text = document.text(arguments[0])
    known, unknown = computed_entries(files, document, arguments[0])
    rest = f", and who is in {unknown} is unknown" if unknown else ""
    own_place = Place(document.name, node.start_point.row + 1)
    place = next(map(place_of, definitions(files, text)), own_place)
    return Source(
        document,
        None,
        f"they are numbered by count = {shortened(document, node)}{rest}",
        place,
        known,
        counted=text,
    )


def marks_of(text: str, key: str, value: str) -> dict[str, str]:
    """Return placeholders for expressions that get a counted module's entry, by source text.

    Args:
        text: the source text of the counted list or map.
        key: the placeholder for a map's key.
        value: the placeholder for a list's entry, or a map's value.
    """
    return {
        form: mark
        for listed, mark in ((text, value), (f"keys({text})", key), (f"values({text})", value))
        for form in (f"{listed}[{_INDEX}]", f"element({listed}, {_INDEX})", f"element({listed},{_INDEX})")
    }
