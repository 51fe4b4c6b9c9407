"""Junk in place of a `.tf` file, as large as is taken: the layer is read in little time and memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from support.repository import ROOT

from workflows.core.files import NotAccepted
from workflows.hcl.document import Document
from workflows.hcl.parsing import MAX_HCL, MAX_ODD, TooMany, check_amount, load_hcl

STARTS = 30.0
"""How many times the processor time of the start alone it may take with the reading, on any machine."""
MEMORY = 300 * 1024
"""KiB."""

USUAL = [("", '"'), ("", '"a" '), ("", "}"), ("", ',"'), ("", "a {}\n"), ("", "a=1\n"), ("", "\u0300")]
SHAPES = [
    *(("", sign) for sign in "$%&'*+,./:;<=>?@\\]^_`|~a1\t\n\r\v\f"),
    *(("", pair) for pair in ("/*", "*/", "<<A\n", "a ", "1a", '""', '="', '"="', 'a"a"', 'a "a" ', '"a"\n')),
    *(("", block) for block in ('a="b"\n', "a={}\n", "a[0]", "a.*.", "...", "=>", "'a' ", "\u00a0")),
    *(("a=[", unit) for unit in ('"a",', '"a" ', "for ", "1,")),
    *(('a="', unit) for unit in ("${a}", "$${", "%%", "\\u1234", "%{if a}%{endif}")),
    *(("x=<<A\n", unit) for unit in ("a\n", "${a}\n", "A \n")),
]
PEAK = """
import resource, sys
from pathlib import Path


def peak():
    own = Path("/proc/self/status")  # without what the test's process had when it made this one
    if own.exists():
        return next(int(line.split()[1]) for line in own.read_text().splitlines() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
"""
READ = """
from time import process_time

from workflows.layer.model import LayerLocation
from workflows.layer.read.layer import read_layer

folder, started = Path(sys.argv[1]), process_time()
read_layer(LayerLocation("security", folder, "x", None, {}, folder / "backend.tfvars", (), {}))
print(process_time() / started, peak())
"""
MAKE = """
from benchmarks import layer_edit
from workflows.hcl.parsing import load_hcl
from workflows.hcl.document import parse

getattr(layer_edit, sys.argv[2])(Path(sys.argv[1]), 5_000, outputs=True)
print(all(not parse(load_hcl(path)).root_node.has_error for path in Path(sys.argv[1]).glob("*.tf")))
"""


def filled(head: str, unit: str) -> bytes:
    """Of one kind of text as much as is taken."""
    fewest, most = 0, MAX_HCL // len(unit.encode())
    while most - fewest > 1:
        some = (fewest + most) // 2
        try:
            check_amount((head + unit * some).encode())
            fewest = some
        except TooMany:
            most = some
    return (head + unit * fewest).encode()[:MAX_HCL]


def read_in_a_child(folder: Path, text: bytes) -> None:
    (folder / "locals.tf").write_text("locals {\n  users = []\n}\n")
    (folder / "x.tf").write_bytes(text)
    command = [sys.executable, "-c", PEAK + READ, str(folder)]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    starts, peak = output.split()
    assert float(starts) < STARTS
    assert int(peak) < MEMORY


@pytest.mark.parametrize(("head", "unit"), USUAL)
def test_a_layer_with_junk_is_read_in_little_time(head: str, unit: str, tmp_path: Path) -> None:
    read_in_a_child(tmp_path, filled(head, unit))


@pytest.mark.slow
@pytest.mark.parametrize(("head", "unit"), SHAPES)
def test_a_layer_with_any_junk_is_read_in_little_time(head: str, unit: str, tmp_path: Path) -> None:
    read_in_a_child(tmp_path, filled(head, unit))


@pytest.mark.parametrize("unit", ['"', "}", '"a" ', "a=1\n", "\u2028", '"\n'])
def test_a_file_of_five_megabytes_of_junk_is_refused_unparsed(unit: str, tmp_path: Path) -> None:
    path = tmp_path / "x.tf"
    path.write_bytes(unit.encode() * (MAX_HCL // len(unit.encode())))
    with pytest.raises(NotAccepted) as caught:
        load_hcl(path)
    assert "more than" in caught.value.why


def test_what_the_parser_gives_up_is_broken_where_it_gave_up() -> None:
    document = Document("x.tf", b"a = 1\n" * 100 + b'"a" ' * 100_000)
    assert document.broken_at == 101
    assert document.blocks == ()


@pytest.mark.parametrize("make", ["make_layer", "make_blocks"])
def test_as_many_people_as_an_account_has_are_taken(make: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PEAK + MAKE, str(tmp_path), make]  # whose memory is not this process's
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_quotes_in_prose_are_taken() -> None:
    check_amount(b"a = <<T\n" + b'a screen of 15"\n' * MAX_ODD + b"T\n" + b'b = "\\"\\\\\\""\n' * 5_000)


@given(st.binary())
def test_any_bytes_are_counted(data: bytes) -> None:
    check_amount(data)
