from __future__ import annotations

import mmap

from tui.app.guard import WORDS_SIZE, Guard


def test_the_last_words_are_safe_to_show_and_fit_whatever_is_in_them() -> None:
    words = mmap.mmap(-1, WORDS_SIZE)
    guard = Guard(0, 0, 0, words)
    for given in ("Resume with: iam-onboard --binary '\udcff\x1b[2J'", "é" * WORDS_SIZE, "short"):
        guard.last_words(given)
        said = words[:].rstrip(b"\0").decode(errors="ignore")
        assert said.isprintable()
        assert said.startswith(given[0])
    assert said == "short", "nothing of those before is left"
