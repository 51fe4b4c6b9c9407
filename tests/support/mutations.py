"""Damaged files and messages: cut, with repeated parts or with strange bytes."""

from __future__ import annotations

from hypothesis import strategies as st

# fmt: off
STRAY = st.sampled_from([
    b"\x00", b"\xff", b"\xc3", b"\xef\xbb\xbf", b'"', b"${", b"%{ if", b"}", b"{", b"[", b"]", b"/*", b"*/",
    b"#", b"<<EOF\n", b"\\u12", b"\r", b"\\", b"=", b",", b"(", b"\xe2\x80\xa8", b"for x in y :", b"\n\n\n",
    b"\x1b]52;c;eA==\x07", b"\xe2\x80\xae", b"\xf3\xa0\x81\x81", b"\\ud800", b"((((", b"[[[[", b"null",
])
# fmt: on


@st.composite
def mutated(draw: st.DrawFn, seeds: st.SearchStrategy[bytes]) -> bytes:
    """Draw a seed with one to four changes."""
    data = draw(seeds)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        how = draw(st.sampled_from(["cut", "stray", "drop", "twice"]))
        end = min(len(data), start + draw(st.integers(1, 60)))
        if how == "cut":
            data = data[:start]
        elif how == "stray":
            data = data[:start] + draw(STRAY) + data[start:]
        elif how == "drop":
            data = data[:start] + data[end:]
        else:
            data = data[:end] + data[start:]
    return data
