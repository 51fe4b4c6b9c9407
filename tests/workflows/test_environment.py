"""The environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from workflows.environment import readable


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (Path("/home/jo/a"), "~/a"),
        (Path("/home/jo"), "/home/jo"),
        (Path("/home/joan/a"), "/home/joan/a"),
        (Path("/mnt/home/jo/a"), "/mnt/home/jo/a"),
        (Path("/etc/hosts"), "/etc/hosts"),
        ("In /home/jo/a, /home/jo/b/home/jo/c and “/home/jo/d”.", "In ~/a, ~/b/home/jo/c and “~/d”."),
    ],
)
def test_the_home_folder_is_a_tilde_for_people(said: Path | str, shown: str) -> None:
    assert readable(said, Path("/home/jo")) == shown
