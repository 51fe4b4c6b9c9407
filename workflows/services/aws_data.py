"""What botocore knows of AWS by itself, with no file of the person's read for it."""

from __future__ import annotations

import os
from functools import cache
from typing import Any


@cache
def botocore_alone() -> Any:
    """A session for regions and partitions; profiles that can't be parsed don't matter to it."""
    import botocore.session  # noqa: PLC0415 - boto is slow to import

    nowhere = (None, None, os.devnull, None)
    return botocore.session.Session(session_vars={"config_file": nowhere, "credentials_file": nowhere})
