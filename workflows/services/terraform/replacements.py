"""Resources that the next plan of a layer is to make anew, kept beside its runs until an apply went through.

A recovery notes them when it has imported what has to be replaced; whoever plans next, today or after a
restart, plans with `-replace` for them.
"""

from __future__ import annotations

import json
from pathlib import Path

from workflows.core.processes import write_record

_NAME = "replace.json"


def pending_replacements(folder: Path) -> tuple[str, ...]:
    """The addresses that were noted, in order.

    Args:
        folder: the private folder of the layer's runs.
    """
    try:
        return tuple(json.loads((folder / _NAME).read_text("utf-8"))["addresses"])
    except FileNotFoundError:
        return ()


def replace_next(folder: Path, address: str) -> None:
    """Note that the next plan is to make a resource anew.

    Args:
        folder: the private folder of the layer's runs.
        address: the resource's address.
    """
    addresses = dict.fromkeys((*pending_replacements(folder), address))
    write_record(folder / _NAME, {"addresses": list(addresses)})


def forget_replacements(folder: Path) -> None:
    """Forget what was noted: an apply went through."""
    (folder / _NAME).unlink(missing_ok=True)
