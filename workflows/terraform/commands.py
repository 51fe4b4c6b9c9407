"""Terraform's argument lists, built with python-terraform's `generate_cmd_string` only.

The rest of that library isn't used: its constructor reads a state file (so it gets an empty folder),
`synchronous=False` is passed on to Terraform, and it can neither stream nor cancel. The same arguments work
for OpenTofu; plan and apply have had `-json` and `-replace` since 1.0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflows.core.sentences import OnboardError
from workflows.core.temporary import temporary_folder

LOCK_SECONDS = 20
"""How long plan and apply wait for somebody else's state lock."""


_PARTIAL = {"target", "exclude", "destroy", "refresh-only", "lock=false", "lock=0", "lock=f"}
"""Arguments that make a plan partial, destructive, or run without a lock."""


def inherited(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the person's variables that affect Terraform, as "NAME=value"; for `TF_VAR_`, only the name.

    Raises:
        OnboardError: an argument in them would make a plan partial, destructive, or run without a lock.
    """
    shown = ("TF_CLI_ARGS", "TF_WORKSPACE", "TF_DATA_DIR", "TF_VAR_")
    names = [name for name in environment if name.startswith(shown)]
    for name in names:
        words = environment[name].split() if name.startswith("TF_CLI_ARGS") else []
        given = {word.lstrip("-").lower() for word in words if word.startswith("-")}
        refused = sorted(
            argument for argument in given if argument in _PARTIAL or argument.partition("=")[0] in _PARTIAL
        )
        if refused:
            raise OnboardError(
                f"{name} changes what is planned",
                f"It contains -{refused[0]}, which Terraform would add to every command.",
                why="The plan wouldn't show everything in the files, or wouldn't lock the state.",
                next=f"Unset {name} in your shell, then start iam-onboard again.",
            )
    return tuple(
        name if name.startswith("TF_VAR_") else f"{name}={environment[name]}"  # a variable may be a secret
        for name in sorted(names)
        if environment[name]
    )


@dataclass(frozen=True)
class Commands:
    """Builds whole argument lists that begin with the binary.

    Attributes:
        binary: program and leading arguments, from `Binary.argv`.
    """

    binary: tuple[str, ...]

    def init(
        self,
        *,
        backend_configs: Sequence[Path] = (),
        upgrade: bool = False,
        reconfigure: bool = False,
        readonly: bool = True,
    ) -> list[str]:
        """Build `init`; `readonly` only reads the lock file, unless `upgrade` rewrites it."""
        return self._build(
            "init",
            input=False,
            no_color=True,
            lockfile="readonly" if readonly and not upgrade else None,
            upgrade=upgrade or None,
            reconfigure=reconfigure,
            backend_config=[str(path) for path in backend_configs],
        )

    def plan(self, out: Path, *, var_files: Sequence[Path] = (), replace: Sequence[str] = ()) -> list[str]:
        """Build `plan` into the file `out`, replacing every address in `replace`."""
        return self._build(
            "plan",
            out=str(out),
            json=True,
            input=False,
            no_color=True,
            lock_timeout=f"{LOCK_SECONDS}s",
            var_file=[str(path) for path in var_files],
            replace=list(replace),
        )

    def apply(self, plan: Path) -> list[str]:
        """Build `apply` of exactly that plan file. It needs no variables: they are in the plan."""
        return self._build(
            "apply", str(plan), json=True, input=False, no_color=True, lock_timeout=f"{LOCK_SECONDS}s"
        )

    def show(self, plan: Path) -> list[str]:
        """Build `show -json` of a plan file. Its output contains secrets: keep it in memory."""
        return self._build("show", str(plan), json=True, no_color=True)

    def state_pull(self) -> list[str]:
        """Build `state pull`. Its output is the state with its secrets: keep it in memory."""
        return self._build("state pull", no_color=True)

    def state_push(self, file: Path) -> list[str]:
        """Build `state push` of a file, which fails for a different or newer state; its output is text."""
        return self._build("state push", str(file), no_color=True, lock_timeout=f"{LOCK_SECONDS}s")

    def version(self) -> list[str]:
        """Build `version`, whose output starts with the product's name; its JSON lacks that."""
        return self._build("version")

    def force_unlock(self, lock_id: str) -> list[str]:
        """Build `force-unlock` of one lock, without a prompt: the caller has asked already."""
        return self._build("force-unlock", lock_id, force=True, no_color=True)

    def import_(self, address: str, resource_id: str, *, var_files: Sequence[Path] = ()) -> list[str]:
        """Build `import` of one existing resource into the state; its output is text."""
        return self._build(
            "import",
            address,
            resource_id,
            input=False,
            no_color=True,
            lock_timeout=f"{LOCK_SECONDS}s",
            var_file=[str(path) for path in var_files],
        )

    def _build(self, command: str, *arguments: str, **options: Any) -> list[str]:
        from python_terraform import IsFlagged, Terraform  # noqa: PLC0415 - 20 ms that --help does not need

        flags = {"json", "no_color", "reconfigure", "force"}
        given = {
            name: (IsFlagged if value else None) if name in flags else value
            for name, value in options.items()
        }
        with temporary_folder() as empty:
            builder = Terraform(working_dir=str(empty), terraform_bin_path=self.binary[0])
            first, *rest = builder.generate_cmd_string(command, *arguments, **given)
        return [first, *self.binary[1:], *rest]
