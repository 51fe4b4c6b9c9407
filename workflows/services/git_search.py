"""Looking for texts in a checkout: in the files as they are now, and for what a file held before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from workflows.services.git import Git


@dataclass(frozen=True)
class Hit:
    """A line in which a text was found.

    Attributes:
        path: the file, from the checkout's top folder.
        line: its number, from 1.
        text: the line.
    """

    path: PurePosixPath
    line: int
    text: str


class GitSearch(Git):
    """Searches the whole checkout, new files included and ignored ones left out."""

    def hits(self, texts: Sequence[str]) -> tuple[Hit, ...]:
        """The lines that hold any of the texts, in whatever case, by file; binary files are left out.

        Raises:
            OnboardError: git fails.
        """
        if not texts:
            return ()
        patterns = [part for text in texts for part in ("-e", text)]
        options = ("-I", "-n", "-z", "-i", "-F", "--untracked", "--no-color")
        answer = self._run("-C", str(self.root()), "grep", *options, *patterns, answers=(0, 1))
        return tuple(_hit(line) for line in answer.stdout.splitlines() if line.count("\0") == 2)

    def paths(self) -> tuple[PurePosixPath, ...]:
        """Every file, from the checkout's top folder, sorted; those that are deleted but not committed too.

        Raises:
            OnboardError: git fails.
        """
        options = ("--cached", "--others", "--exclude-standard", "-z")
        text = self._ask("-C", str(self.root()), "ls-files", *options)
        return tuple(PurePosixPath(path) for path in sorted({path for path in text.split("\0") if path}))

    def last_contents(self, name: str) -> tuple[str, ...]:
        """What files of a name held when they were last committed, in whatever folder `keys`, deleted or not.

        Args:
            name: the file's name, without folders.

        Returns:
            The content of each such file at the newest commit that touched one of them.

        Raises:
            OnboardError: git fails.
        """
        if not self.head():
            return ()
        options = ("-n", "1", "--format=%H", "--name-only", "-z", "--diff-filter=AM", "--no-renames")
        pathspec = f":(top,glob)**/keys/{name}"
        answer = self._ask("log", *options, "--", pathspec)
        commit, _, rest = answer.replace("\0", "\n").strip().partition("\n")
        files = [line for line in rest.splitlines() if line]
        return tuple(self._ask("show", f"{commit}:{file}") for file in files)


def _hit(line: str) -> Hit:
    path, number, text = line.split("\0")
    return Hit(PurePosixPath(path), int(number), text)
