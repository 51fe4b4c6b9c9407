"""Argument lists of Terraform, and what the shell adds to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from workflows.core.sentences import OnboardError
from workflows.terraform.commands import Commands, inherited


def test_argument_lists_are_whole() -> None:
    commands = Commands(("python", "shim.py"))
    assert commands.init(backend_configs=[Path("/p/backend.tfvars")]) == [
        *("python", "shim.py", "init", "-input=false", "-no-color", "-lockfile=readonly"),
        "-backend-config=/p/backend.tfvars",
    ]
    assert commands.init(upgrade=True, reconfigure=True) == [
        *("python", "shim.py", "init", "-input=false", "-no-color", "-upgrade=true", "-reconfigure"),
    ]
    assert "-lockfile=readonly" not in commands.init(readonly=False)
    assert commands.plan(Path("/s/p"), var_files=[Path("/a b"), Path("/c")], replace=['x["y"]']) == [
        *(
            "python",
            "shim.py",
            "plan",
            "-out=/s/p",
            "-json",
            "-input=false",
            "-no-color",
            "-lock-timeout=20s",
        ),
        *("-var-file=/a b", "-var-file=/c", '-replace=x["y"]'),
    ]
    assert commands.apply(Path("/s/p")) == [
        *("python", "shim.py", "apply", "-json", "-input=false", "-no-color", "-lock-timeout=20s", "/s/p"),
    ]
    assert commands.show(Path("/s/p")) == ["python", "shim.py", "show", "-json", "-no-color", "/s/p"]
    assert commands.version() == ["python", "shim.py", "version"]
    assert commands.force_unlock("id") == [
        *("python", "shim.py", "force-unlock", "-force", "-no-color", "id"),
    ]
    assert commands.state_pull() == ["python", "shim.py", "state", "pull", "-no-color"]
    assert commands.state_push(Path("/l/e")) == [
        *("python", "shim.py", "state", "push", "-no-color", "-lock-timeout=20s", "/l/e"),
    ]


def test_what_the_shell_adds_to_every_command_is_shown_and_a_partial_plan_is_refused() -> None:
    assert inherited({"TF_CLI_ARGS_plan": "-parallelism=2", "TF_WORKSPACE": "blue", "TF_VAR_x": "1"}) == (
        "TF_CLI_ARGS_plan=-parallelism=2",
        "TF_VAR_x",
        "TF_WORKSPACE=blue",
    )
    for argument in ("-target=module.user", "--target module.user", "-lock=false", "-destroy", "-exclude=x"):
        with pytest.raises(OnboardError, match="TF_CLI_ARGS_apply"):
            inherited({"TF_CLI_ARGS_apply": f"-input=false {argument}"})
