"""The modules that a new interpreter loads."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

_REPORT = """
import json, sys
sys.stderr.write("\\n" + json.dumps(sorted(sys.modules)))
"""


def loaded(program: str, arguments: Sequence[str] = ()) -> set[str]:
    """Return the modules that a program has loaded when it ends."""
    code = f"import atexit\natexit.register(lambda: exec({_REPORT!r}))\n{program}"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))
