"""What botocore knows of AWS by itself, with no file of the person's read for it."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any


@cache
def aws_descriptions() -> Any:
    """What loads botocore's descriptions of services and regions (megabytes of JSON), once a process."""
    from botocore.loaders import Loader  # noqa: PLC0415 - boto is slow to import

    loader: Any = Loader()
    services = [folder.name for folder in Path(loader.BUILTIN_DATA_PATH).iterdir()]
    # Botocore itself looks into all four hundred folders, for each kind of description again.
    loader.list_available_services = lambda _kind: services
    return loader


@cache
def botocore_alone() -> Any:
    """A session for regions and partitions; no profile matters to it, bad or named by the shell."""
    import botocore.session  # noqa: PLC0415 - boto is slow to import

    nowhere = (None, None, os.devnull, None)
    variables = {
        "config_file": nowhere,
        "credentials_file": nowhere,
        "profile": (None, None, None, None),
    }
    session = botocore.session.Session(session_vars=variables)
    session.register_component("data_loader", aws_descriptions())
    return session
