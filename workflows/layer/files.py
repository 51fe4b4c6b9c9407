"""The files of one layer as an immutable set: every edit makes a new set, without touching the disk.

Only files that can declare a layer's people, groups, outputs and account are loaded: the `.tf` files in the
folder itself and the files in `keys/`, or wherever its modules read PGP keys from.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from tree_sitter import Node

from workflows.core.files import cause_of, load_file
from workflows.core.grouping import by_key
from workflows.core.openpgp import SIZE_LIMIT
from workflows.core.sentences import OnboardError
from workflows.hcl.document import Block, Document, Splice
from workflows.hcl.lists import without_entry
from workflows.hcl.parsing import load_hcl

_KEY_FOLDER = re.compile(
    rb'pgp_key[ \t]*=[ \t]*"?(?:\$\{)?[ \t]*file(?:base64)?\('
    rb'[ \t]*"(?:\$\{path\.module\}/)?([A-Za-z0-9_./-]*)/'
)
_BACKEND = re.compile(rb"\b(?:backend|cloud)\b")
_UNREAD = (".tf.json", ".tofu", ".tofu.json")


class LayerUnreadable(OnboardError):  # noqa: N818 - it reads better where it is raised
    """A file of the layer cannot be read."""


class LeadsOutside(OnboardError):  # noqa: N818 - it reads better where it is raised
    """A project's file or folder is a symbolic link to a place outside the project."""


def refuse_outside(root: Path | None, paths: Iterable[Path]) -> None:
    """Reject paths that lead outside the project through links: a branch could point at any file of yours.

    Args:
        root: the project's root folder; None allows everything.
        paths: files and folders, existing or not.

    Raises:
        LeadsOutside: one leads outside.
    """
    if root is None:
        return
    within = os.path.realpath(root)
    for path in paths:
        real = os.path.realpath(path)
        if not Path(real).is_relative_to(within):
            raise LeadsOutside(
                "A link leads out of the project",
                f"{path} leads to {real}, which is outside {within}.",
                why="Others write a checkout's content, so iam-onboard reads and writes nothing outside it.",
                next="Replace the link with the file or folder itself, or move its target into the project.",
            )


@dataclass(frozen=True, eq=False)
class FileSet:
    """The `.tf` files and key files of a layer; equal only to itself, so results can be cached on it.

    Attributes:
        documents: documents by file name, in the order Terraform reads them: by name, override files last,
            then variables files by precedence.
        keys: file contents by path relative to the layer folder, such as `keys/jane.doe`.
        linked: names of documents and key files that other layers may use too, such as symbolic links: read,
            never edited.
        variables: names of the documents that are variables files.
        unread: names of files in other forms that Terraform or OpenTofu reads: JSON, `.tofu`.
    """

    documents: Mapping[str, Document] = field(repr=False)
    keys: Mapping[str, bytes] = field(repr=False)
    linked: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()
    unread: tuple[str, ...] = ()

    @cached_property
    def broken(self) -> Document | None:
        """The first document that can't be parsed as a whole."""
        return next((document for document in self.documents.values() if document.broken), None)

    @classmethod
    def load(
        cls,
        folder: Path,
        var_files: Sequence[Path] = (),
        shared: Collection[Path] = frozenset(),
        root: Path | None = None,
    ) -> FileSet:
        """Read a layer folder, and the variables files that Terraform is run with.

        Args:
            var_files: the `-var-file=` files in order; the folder's own variables files come first.
            shared: the files among them that other layers use too.
            root: the project's root folder; None allows links to anywhere.

        Raises:
            LeadsOutside: a file or folder is a link to a place outside the project.
            LayerUnreadable: a file or the folder cannot be read, or a symbolic link is broken.
        """
        keys: dict[str, bytes] = {}
        try:
            own_files = {path.name: path for path in _terraform_files(folder)}
            in_force = (*_own_variables(folder), *var_files)
            variables = {Path(os.path.relpath(path, folder)).as_posix(): path for path in in_force}
            found = {**own_files, **variables}
            refuse_outside(root, (folder, *filter(Path.is_symlink, found.values())))
            documents = {name: Document(name, load_hcl(path)) for name, path in found.items()}
            linked = {name for name, path in found.items() if path.is_symlink() or path in shared}
            for name in key_folders(documents):
                own = (folder / name).resolve() == folder.resolve() / name
                entries = sorted((folder / name).iterdir()) if (folder / name).is_dir() else []
                refuse_outside(root, (folder / name, *filter(Path.is_symlink, entries)))
                files = {f"{name}/{path.name}": path for path in entries if path.is_file()}
                keys |= {key: load_file(path, SIZE_LIMIT) for key, path in files.items()}
                linked |= {key for key, path in files.items() if not own or path.is_symlink()}
        except OSError as error:
            raise LayerUnreadable(
                "Can't read the layer",
                f"{error.filename or folder} can't be read.",
                why=cause_of(error),
                next="Repair the file or its permissions. A broken symbolic link causes this too.",
            ) from error
        unread = sorted(path.name for end in _UNREAD for path in folder.glob(f"*{end}"))
        return cls(documents, keys, frozenset(linked), frozenset(variables), tuple(unread))

    @property
    def contents(self) -> Mapping[str, bytes]:
        """The bytes of all files by name, `.tf` files first."""
        return {**{name: document.data for name, document in self.documents.items()}, **self.keys}

    def with_document(self, document: Document) -> FileSet:
        """Return the set with the document of that name replaced."""
        return replace(self, documents={**self.documents, document.name: document})

    def with_key(self, name: str, data: bytes | None) -> FileSet:
        """Return the set with a key file written, or removed (None); itself if nothing changes."""
        if self.keys.get(name) == data:
            return self
        keys = {key: value for key, value in self.keys.items() if key != name}
        if data is not None:
            keys[name] = data
        return replace(self, keys=keys)

    def spliced(self, document: Document, splices: Iterable[Splice]) -> FileSet:
        """Return the set with splices made in one of its documents."""
        return self.with_document(document.splice(splices))

    def without_entries(self, find: Callable[[FileSet], Iterator[tuple[Document, Node, int]]]) -> FileSet:
        """Return the set without some entries of lists and maps.

        Args:
            find: yields the document, the list or map and the position of each such entry.
        """
        files = self
        while (found := next(find(files), None)) is not None:
            files = files.with_document(without_entry(*found))
        return files

    def blocks_of(self, kind: str) -> list[Block]:
        """Return the top-level blocks of one type, such as `module`, in file order."""
        return [block for document in self.documents.values() for block in document.blocks_of(kind)]

    @cached_property
    def overriding(self) -> Mapping[tuple[str, ...], list[Block]]:
        """The blocks of override files by header."""
        documents = (document for document in self.documents.values() if is_override(document.name))
        return by_key((block.header, block) for document in documents for block in document.blocks)


def read_documents(folder: Path, worth_reading: re.Pattern[bytes]) -> Iterator[Document]:
    """Yield the `.tf` files of a folder that match a pattern, override files last.

    Raises:
        OSError: a file cannot be read.
    """
    for path in _terraform_files(folder):
        if path.is_file() and worth_reading.search(data := load_hcl(path)):
            yield Document(path.name, data)


def backends(folder: Path) -> list[Block]:
    """Return the `backend` and `cloud` blocks of a folder; Terraform uses the last.

    One in an override file replaces the other entirely, even if it is of the other kind (Terraform, "Override
    Files", merging `terraform` blocks).

    Raises:
        OSError: a file cannot be read.
    """
    return [
        block
        for document in read_documents(folder, _BACKEND)
        for settings in document.blocks_of("terraform")
        for kind in ("backend", "cloud")
        for block in settings.nested(kind)
    ]


def _terraform_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.tf"), key=lambda path: (is_override(path.name), path.name))


def key_folders(documents: Mapping[str, Document]) -> list[str]:
    """Return `keys`, and other folders in the layer that modules read PGP keys from."""
    found = {
        posixpath.normpath(folder.decode())
        for document in documents.values()
        for folder in set(_KEY_FOLDER.findall(document.data))
    }
    return [
        "keys",
        *sorted(
            folder for folder in found if folder not in {"keys", "."} and not folder.startswith((".", "/"))
        ),
    ]


def _own_variables(folder: Path) -> list[Path]:
    """Return the variables files that Terraform loads from the folder itself, by precedence."""
    own = folder / "terraform.tfvars"
    return [*([own] if own.is_file() else []), *sorted(folder.glob("*.auto.tfvars"))]


def is_override(name: str) -> bool:
    """Return whether Terraform merges the file over the others, as an override file."""
    return name == "override.tf" or name.endswith("_override.tf")
