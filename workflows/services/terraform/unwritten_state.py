"""A state that an apply could not write: Terraform leaves it in the layer's folder as `errored.tfstate`.

It happens when the network or the credentials end during an apply. What was made is then in that file and
nowhere else; another apply would make it again, in a fork of the state. So nothing is planned before it is
written (`state push`), and the file, which can hold secrets in clear, is kept private and removed afterwards.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from workflows.core.errors import OnboardError

NAME = "errored.tfstate"


class StateUnwritten(OnboardError):  # noqa: N818 - it says what is the matter
    """A layer's last apply could not write its state."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            "The last apply could not write its state",
            f"What it made is in {NAME} and in no state. The file is in the layer's folder, {file.parent}.",
            why="The network or the credentials ended while it ran. To plan now would make it all again.",
            next=f"Let it be written first (or run `terraform state push {NAME}` in that folder). Do not "
            "commit the file: it can hold secrets.",
        )
        self.file = file


def unwritten(layer: Path) -> Path | None:
    """The state that was left in a layer's folder, or None."""
    file = layer / NAME
    return file if file.is_file() else None


def refuse_unwritten(layer: Path) -> None:
    """Let nothing be done to a layer whose state lacks what an apply made.

    Raises:
        StateUnwritten: it does.
    """
    file = unwritten(layer)
    if file is not None:
        raise StateUnwritten(file)


def keep_private(layer: Path) -> None:
    """Let nobody else read the state that was left in a layer's folder, if there is one."""
    with contextlib.suppress(FileNotFoundError):
        (layer / NAME).chmod(0o600)
