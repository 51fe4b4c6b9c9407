"""Taking a person's declaration out: the entry of a list or map, or the block with its banner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.layer.blocks import remove_items
from workflows.layer.declarations import user_modules
from workflows.layer.lists import aligned_as, entry_keys, remove_entry
from workflows.layer.model import Style
from workflows.layer.operations.banners import banner_of, usual_shape

if TYPE_CHECKING:
    from workflows.layer.declarations import UserModule
    from workflows.layer.files import FileSet
    from workflows.layer.model import Person


def undeclared(files: FileSet, person: Person) -> FileSet:
    """The files without what declares a person, however often it is declared."""
    if person.style is Style.BLOCK:
        return _without_block(files, person)
    while True:
        modules = [one for one in user_modules(files) if one.label == person.module]
        changed = next((found for one in modules if (found := _without_entry(files, one, person))), None)
        if changed is None:
            return files
        files = changed


def _without_block(files: FileSet, person: Person) -> FileSet:
    modules = [one for one in user_modules(files) if one.style is Style.BLOCK]
    shape = usual_shape(one.block for one in modules)
    block = next(one.block for one in modules if one.label == person.module)
    banner = banner_of(block, (person.iam_name, person.module), shape)
    document = block.document
    return files.with_document(document.splice(remove_items(document, [*banner, block.item])))


def _without_entry(files: FileSet, module: UserModule, person: Person) -> FileSet | None:
    document, container = module.document, module.container
    keys = entry_keys(document, container) if container is not None else []
    if container is None or person.declaration not in keys:
        return None
    edited = document.splice(remove_entry(document, container, keys.index(person.declaration)))
    return files.with_document(aligned_as(document, edited, container.start_byte))
