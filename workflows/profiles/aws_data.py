"""botocore's own data about AWS, without reading any of the person's files."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any


@cache
def aws_descriptions() -> Any:
    """Return the cached loader for botocore's descriptions of services and regions (megabytes of JSON)."""
    from botocore.loaders import Loader  # noqa: PLC0415 - boto is slow to import

    loader: Any = Loader()
    services = [folder.name for folder in Path(loader.BUILTIN_DATA_PATH).iterdir()]
    # By default botocore lists all four hundred folders, again for each kind of description.
    loader.list_available_services = lambda _kind: services
    return loader


@cache
def botocore_alone() -> Any:
    """Return a session for regions and partitions, which ignores all profiles, even broken ones."""
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
