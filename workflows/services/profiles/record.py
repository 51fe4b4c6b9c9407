"""What this program wrote into a project's `config`: so a change by hand is told from an older wish of ours.

It lies beside the two files as `iam-onboard.json` and is written with them. It holds no secret.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from workflows.services.files import read_text

FILE_NAME = "iam-onboard.json"
LARGEST = 4 * 1024 * 1024
_VERSION = 1

Record = Mapping[str, Mapping[str, str]]
"""The options of each profile as they were written last, by the profile's name."""


def read_record(path: Path) -> Record:
    """The record beside the files; an empty one where there is none.

    One that cannot be understood counts as empty: then every difference is taken for somebody else's and is
    asked about, and the next write puts the record in order.

    Raises:
        FileError: the file is there and cannot be read.
    """
    if not path.exists():
        return {}
    try:
        values = json.loads(read_text(path, LARGEST))
        if values["version"] != _VERSION:
            return {}
        return {
            str(profile): {str(option): str(value) for option, value in options.items()}
            for profile, options in values["profiles"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def record_bytes(record: Record) -> bytes:
    """The record as its file has it."""
    lines = [f" {json.dumps(name)}: {json.dumps(dict(options))}" for name, options in record.items()]
    inner = ",\n".join(lines)
    return f'{{"version": {_VERSION}, "profiles": {{\n{inner}\n}}}}\n'.encode()
