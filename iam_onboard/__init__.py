"""The one name under which iam-onboard is installed.

Other packages have a `tui` or a `workflows` too. So what is installed has the rooms inside this package, and
importing it puts them before what others call so. In a checkout they stand beside it.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(_HERE if (_HERE / "tui").is_dir() else _HERE.parent))


def main() -> int:
    """Run the command line and return the exit code."""
    gc.disable()  # nothing that a start loads is garbage; the wizard turns it on
    from tui.cli.main import main as run  # noqa: PLC0415 - only now it is on the path

    return run()
