"""Tab completion in bash, zsh and fish: the shell asks the program through argcomplete's protocol.

Only a process that a shell started for that (with `_ARGCOMPLETE` in its environment) loads the library.
"""

from __future__ import annotations

import argparse

from tui.cli.arguments import SHELLS, Commands, argument
from tui.cli.output import hand_out

_DESCRIPTION = """\
Print the lines that turn on Tab completion. For every new shell, add to its start file:

  bash  ~/.bashrc                    eval "$(iam-onboard completion bash)"
  zsh   ~/.zshrc, after compinit     eval "$(iam-onboard completion zsh)"
  fish  ~/.config/fish/config.fish   iam-onboard completion fish | source"""


def add_to(commands: Commands) -> None:
    """Declare the command."""
    command = commands.add(
        "completion",
        completion,
        argument("shell", None, "your shell", choices=SHELLS),
        description=_DESCRIPTION,
    )
    command.formatter_class = argparse.RawDescriptionHelpFormatter


def completion(options: argparse.Namespace) -> None:
    """Print the lines that a shell needs, for its start file or to evaluate."""
    from argcomplete.shell_integration import shellcode

    hand_out(str(shellcode(["iam-onboard"], shell=options.shell)).rstrip("\n") + "\n")
