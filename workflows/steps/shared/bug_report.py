"""A session as text for a bug report, without names of people, accounts, keys and secrets.

Nothing in a journal is secret, but it names people and places. A damaged journal is shown as far as it can be
read, since it may be what the report is about.
"""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from workflows.core.files import OWN_LIMIT, explained, load_file
from workflows.core.parsing import parse_json
from workflows.machine.summaries import JOURNAL
from workflows.steps.kinds import KINDS
from workflows.terraform.redaction import redact

_LEFT_OUT = re.compile(r"(?i)^(by|text|sum|user_ids)$|password$|secret|passphrase")
"""The fields that a report omits."""
_NAMES = frozenset({*KINDS, "user", "users", "owners", "passwords", "access_keys", "unsure", "gone", "about"})
"""The fields whose texts are people's names."""
_BY_NAME = frozenset({"keys", "people"})
"""The fields whose own field names are people's names."""
_KEY_FILE = re.compile(r"(?:^|/)keys/([^/]+)$")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_FINGERPRINT = re.compile(r"\b[0-9A-F]{40}(?:[0-9A-F]{24})?\b")


def bug_report(folder: Path, home: Path) -> str:
    """Return the report about the session in a folder.

    Args:
        folder: the session's.
        home: the user's home folder, shown as `~`.

    Raises:
        FileError: its journal can't be read.
    """
    with explained(folder / JOURNAL, "read"):
        lines = load_file(folder / JOURNAL, OWN_LIMIT).splitlines()
    events = [_event(line) for line in lines]
    shown = [json.dumps(_redacted(event), ensure_ascii=False) for event in events]
    program = f"iam-onboard {version('iam-onboard')}, Python {platform.python_version()}"
    text = "\n".join((f"{program}, {platform.system()}", *shown, ""))
    names = dict.fromkeys(name for event in events for name in _people(event))
    text = _FINGERPRINT.sub("<fingerprint>", _MAIL.sub("<mail>", text.replace(str(home), "~")))
    return _without(names, text)


def _event(line: bytes) -> Any:
    try:
        return parse_json(line.decode(errors="replace"))
    except (ValueError, RecursionError):
        return f"{len(line)} bytes that can't be read"


def _redacted(value: Any) -> Any:
    match value:
        case str():
            return redact(value)
        case list():
            return [_redacted(item) for item in value]
        case Mapping():
            kept = {name: item for name, item in value.items() if not _LEFT_OUT.search(name)}
            return {redact(name): _redacted(item) for name, item in kept.items()}
    return value


def _people(value: Any) -> Iterator[str]:
    """Yield the names in a value, in order, including those of key files."""
    if isinstance(value, str):
        yield from _KEY_FILE.findall(value)
    if isinstance(value, list):
        for item in value:
            yield from _people(item)
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _KEY_FILE.findall(name)
            yield from _texts(item) if name in _NAMES else ()
            yield from item if name in _BY_NAME and isinstance(item, Mapping) else ()
            yield from _people(item)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _texts(item)


def _without(names: Iterable[str], text: str) -> str:
    """Replace each person's name in the text with a number, longer names first."""
    numbered = {name: f"person-{number}" for number, name in enumerate(filter(None, names), 1)}
    for name in sorted(numbered, key=len, reverse=True):
        text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", numbered[name], text)
    return text
