"""What this program wrote into a project's `config`: so a change by hand is told from an older wish of ours.

It lies beside the two files as `iam-onboard.json` and is written with them. It holds no secret. While the
files take their places it holds what was written and what is being written: after a kill in between, the next
run finds in `config` which of the two is there, and takes neither for a change by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflows.core.files import read_text
from workflows.services.profiles.reading import Found

FILE_NAME = "iam-onboard.json"
LARGEST = 4 * 1024 * 1024
_VERSION = 1

Record = Mapping[str, Mapping[str, str]]
"""The options of each profile as they were written last, by the profile's name."""


@dataclass(frozen=True)
class Recorded:
    """What the file says.

    Attributes:
        written: what was written last.
        writing: what was being written when the process was killed; None where none was.
    """

    written: Record
    writing: Record | None = None

    def settled(self, found: Mapping[str, Found]) -> Record:
        """What in `config` is our work: of a profile what was being written, if it is there, else the former.

        Args:
            found: the profiles that are in `config`.
        """
        there = {
            name: options
            for name, options in (self.writing or {}).items()
            if name in found and _is_in(found[name], options, self.written.get(name, {}))
        }
        return {**self.written, **there}


def read_record(path: Path) -> Recorded:
    """The record beside the files; an empty one where there is none.

    One that cannot be understood counts as empty: then every difference is taken for somebody else's and is
    asked about, and the next write puts the record in order.

    Raises:
        FileError: the file is there and cannot be read.
    """
    if not path.exists():
        return Recorded({})
    try:
        values = json.loads(read_text(path, LARGEST))
        if values["version"] != _VERSION:
            return Recorded({})
        writing = values.get("writing")
        return Recorded(_record(values["profiles"]), None if writing is None else _record(writing))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Recorded({})


def record_bytes(record: Record, writing: Record | None = None) -> bytes:
    """The record as its file has it.

    Args:
        record: what was written.
        writing: what is being written, for the time until it is there.
    """
    more = "" if writing is None else f', "writing": {_lines(writing)}'
    return f'{{"version": {_VERSION}, "profiles": {_lines(record)}{more}}}\n'.encode()


def _is_in(found: Found, options: Mapping[str, str], former: Mapping[str, str]) -> bool:
    """Whether a section has these options, and none of the former ones beside them."""
    return all(found.options.get(name, "") == options.get(name, "") for name in {*options, *former})


def _record(values: Any) -> Record:
    return {
        str(profile): {str(option): str(value) for option, value in options.items()}
        for profile, options in values.items()
    }


def _lines(record: Record) -> str:
    lines = [f" {json.dumps(name)}: {json.dumps(dict(options))}" for name, options in record.items()]
    return "{\n" + ",\n".join(lines) + "\n}"
