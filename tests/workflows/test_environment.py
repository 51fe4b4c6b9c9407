"""The environment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.fakes import fake_environment

from workflows.environment import readable
from workflows.steps.shared.paths import save_text


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


def test_a_sandboxs_home_is_named_in_full_since_it_is_not_that_of_the_shell(tmp_path: Path) -> None:
    own = fake_environment(tmp_path, {})
    played = replace(own, sandbox=True)
    file = tmp_path / "a.txt"
    assert own.in_home("a.txt") == own.readable(file) == "~/a.txt"
    assert played.in_home("a.txt") == played.readable(file) == str(file)
    assert save_text(played.in_home("a.txt"), "text", tmp_path) == str(file)
