"""The project's git repository and the upstream that it is pushed to, both inside the sandbox."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from workflows.core.errors import OnboardError


def git(arguments: list[str], *, folder: Path, environment: Mapping[str, str]) -> None:
    """Run one git command.

    Raises:
        OnboardError: git is not installed, or the command failed; its own words are the detail.
    """
    try:
        subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env=dict(environment),
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    except FileNotFoundError as error:
        raise OnboardError(
            "git is missing",
            "The sandbox keeps its project in a git repository, but there is no git command.",
            next="Install git (apt install git; on a Mac xcode-select --install) and try again.",
        ) from error
    except subprocess.CalledProcessError as error:
        raise OnboardError(
            "git failed in the sandbox",
            f"`git {arguments[0]}` ended with exit code {error.returncode}.",
            next="Delete the sandbox's session and try again.",
            detail=error.stderr.strip(),
        ) from error


def publish(root: Path, upstream: Path, environment: Mapping[str, str]) -> None:
    """Make a repository of the project with one commit, and push that to a new bare repository beside it."""
    git(
        ["init", "--quiet", "--bare", "--initial-branch=main", str(upstream)],
        folder=root,
        environment=environment,
    )
    git(["init", "--quiet", "--initial-branch=main"], folder=root, environment=environment)
    for name, value in (
        ("user.name", "Sandbox Administrator"),
        ("user.email", "administrator@example.com"),
        ("commit.gpgsign", "false"),
    ):
        git(["config", "--local", name, value], folder=root, environment=environment)
    git(["remote", "add", "origin", str(upstream)], folder=root, environment=environment)
    git(["add", "--all"], folder=root, environment=environment)
    git(
        ["commit", "--quiet", "--message", "Add the accounts and their people"],
        folder=root,
        environment=environment,
    )
    git(["push", "--quiet", "--set-upstream", "origin", "main"], folder=root, environment=environment)


def repoint(root: Path, upstream: Path, environment: Mapping[str, str]) -> None:
    """Tell a copied repository where its upstream is now."""
    git(["remote", "set-url", "origin", str(upstream)], folder=root, environment=environment)
