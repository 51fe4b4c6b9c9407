"""Programs that a project brings or names itself: they only run once the person has accepted them.

Terraform runs with the person's credentials, and `TF_BINARY` is a line in a colleague's branch. So the person
is asked about a program that a checkout chose by a path, once, and again when its content changes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from workflows.core.errors import OnboardError
from workflows.core.files import explained, private_folder, read_bytes, write_atomically
from workflows.core.parsing import parse_json
from workflows.core.sentences import Sentence
from workflows.terraform.record import file_sha256

_LARGEST = 1_000_000


@dataclass(frozen=True)
class ForeignProgram:
    """A program that the person must accept.

    Attributes:
        path: its real path, with links resolved.
        owner: the owner's name, or number if there is no name.
        sha256: the hash of its content, 64 hexadecimal digits.
        why: who chose it, such as "TF_BINARY in build.env names it".
    """

    path: Path
    owner: str
    sha256: str
    why: str

    @classmethod
    def at(cls, path: Path, why: str) -> ForeignProgram:
        """Describe the program at a path.

        Raises:
            FileError: it cannot be read.
        """
        with explained(path, "read"):
            place = path.resolve(strict=True)
            return cls(place, _owner(place), file_sha256(place), why)

    @property
    def question(self) -> Sentence:
        """What the person must know before it runs."""
        return (
            f"{self.why}:\n\n  {self.path}\n  owner {self.owner}, SHA-256 {self.sha256[:16]}…\n\n"
            "It would run with your AWS credentials. Run it only if you know where it comes from. "
            "iam-onboard asks once, and again when the file changes."
        )


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except KeyError:
        return str(path.stat().st_uid)


class ProgramNotTrusted(OnboardError):  # noqa: N818 - it reads better where it is raised
    """A project's own program would run, and the person hasn't accepted it yet.

    Attributes:
        program: the program.
    """

    def __init__(self, program: ForeignProgram) -> None:
        super().__init__(
            "The project brings its own program",
            f"{program.why}: {program.path}, owned by {program.owner}.",
            why="It would run with your AWS credentials, and you haven't said that you trust it.",
            next=(
                "Check where it comes from. Then give --trust-binary to run it, "
                "or --binary with a program of your own."
            ),
        )
        self.program = program


class TrustedPrograms:
    """The programs that the person accepted, by path and content.

    Args:
        file: their file: a JSON object of SHA-256 by path, 0600.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def require(self, program: ForeignProgram) -> None:
        """Reject a program that the person has not accepted, or that changed since.

        Raises:
            ProgramNotTrusted: it isn't accepted.
            FileError: the file cannot be read.
        """
        if self._known().get(str(program.path)) != program.sha256:
            raise ProgramNotTrusted(program)

    def add(self, program: ForeignProgram) -> None:
        """Record that the person accepted a program.

        Raises:
            FileError: the file cannot be written.
        """
        private_folder(self._file.parent)
        known = {**self._known(), str(program.path): program.sha256}
        write_atomically(self._file, json.dumps(known, indent=1).encode())

    def _known(self) -> dict[str, object]:
        if not self._file.exists():
            return {}
        try:
            known = parse_json(read_bytes(self._file, _LARGEST))
        except ValueError:
            return {}  # a damaged file trusts nothing: the person is asked again
        return known if isinstance(known, dict) else {}
