"""What the modules of the commands' arguments share; `--help` imports nothing else."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name
else:
    Commands = argparse._SubParsersAction  # noqa: SLF001 - as above; it takes no parameters when it runs

EXIT_CODES = "exit codes: 0 done, 1 refused (the reason is on standard error), 2 wrong usage"
"""The epilog of a command whose exit codes mean nothing of their own."""
