"""Files, JSON, HCL and mail have one entry each, so that what strangers put there is bounded in one place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from support.repository import ROOT

READER = "workflows/core/files.py"
ALLOWED = {
    "screens/step/help.py": "a file of the package",
    "tui/cli/asking.py": "the terminal, and a pipe that the person names",
    "tui/cli/output.py": "/dev/null, to write to",
    "workflows/core/locks.py": "a lock, which is not read",
    "workflows/core/parsing.py": "the one entry to the JSON parser",
    "workflows/core/processes.py": "what the system says in /proc",
    "workflows/hcl/parsing.py": "the one entry to the HCL parser",
    "workflows/layer/names.py": "a file of the package",
    "workflows/messages/envelope.py": "the one entry for mail",
    "workflows/sandbox/sandbox.py": "a log, to write to, and files of the package",
    "workflows/core/installation.py": "a record of the installed package",
    "workflows/terraform/runner.py": "files to write to",
}
_MODE = re.compile(r"[rwaxbt+]{1,3}")
_PARSERS = {("json", "load"), ("json", "loads"), ("pygohcl", "loads"), ("os", "open"), ("os", "fdopen")}


def reads(source: str) -> Iterator[int]:
    """The lines that open or read a file, or that parse what strangers may have written."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name(id="open")):
                yield node.lineno
            case ast.Call(func=ast.Attribute(attr="read_text" | "read_bytes", value=value)):
                if not (isinstance(value, ast.Name) and value.id == "files"):  # the one reader, by its module
                    yield node.lineno
            case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=name)) if (
                module,
                name,
            ) in _PARSERS or (module == "email" and name.startswith("message_from")):
                yield node.lineno
            case ast.Call(func=ast.Attribute(attr="open"), args=[ast.Constant(value=str(mode)), *_]) if (
                _MODE.fullmatch(mode)
            ):
                yield node.lineno
            case ast.Call(func=ast.Attribute(attr="open"), args=[], keywords=[]):
                yield node.lineno
            case ast.ImportFrom(module="json" | "pygohcl" | "email" | "builtins" | "io"):
                if {alias.name for alias in node.names} & {"load", "loads", "open", "message_from_string"}:
                    yield node.lineno


def test_nobody_but_the_one_reader_reads_files() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for room in ("tui", "screens", "workflows")
        for path in (ROOT / room).rglob("*.py")
        if any(reads(path.read_text()))
    }
    assert found == {READER, *ALLOWED}


def test_the_search_finds_every_way_to_read() -> None:
    ways = [
        "open('x')",
        "path.open()",
        "path.open('rb')",
        "path.read_text('utf-8')",
        "path.read_bytes()",
        "os.open(path, os.O_RDONLY)",
        "json.loads('1')",
        "pygohcl.loads('')",
        "email.message_from_string('')",
        "from json import loads",
    ]
    assert sorted(reads("\n".join(ways))) == [*range(1, len(ways) + 1)]
    assert not [*reads("browser.open(url)\nfiles.read_text(path, 1)\nread_bytes(path, 1)")]
