from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial

import pytest

from workflows.core.sentences import as_error, count, day


@pytest.mark.parametrize(
    ("number", "nouns", "words"),
    [
        (1, ("profile",), "1 profile"),
        (0, ("profile",), "0 profiles"),
        (2, ("profile",), "2 profiles"),
        (1, ("person", "people"), "1 person"),
        (3, ("person", "people"), "3 people"),
    ],
)
def test_a_count_goes_with_its_noun(number: int, nouns: tuple[str, ...], words: str) -> None:
    assert count(number, *nouns) == words


def test_a_day_is_written_as_people_do() -> None:
    assert day(datetime(2028, 11, 5, tzinfo=UTC)) == "5 Nov 2028"
    assert day(None) == "never"


@pytest.mark.parametrize(
    ("failure", "remedy"),
    [
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), "ulimit -n"),
        (BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)), "ulimit -u"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "Make room"),
        (MemoryError(), "ulimit -v"),
    ],
)
def test_a_limit_of_the_computer_is_no_defect(failure: BaseException, remedy: str) -> None:
    assert remedy in str(as_error(failure).next)


def test_what_nobody_foresaw_is_a_defect_without_the_words_of_its_cause() -> None:
    error = as_error(KeyError("canary"))
    assert "KeyError" in error.as_text()
    assert "canary" not in error.as_text()


def test_a_command_that_may_open_few_files_says_so() -> None:
    few = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (8, 8))
    command = [sys.executable, "-m", "iam_onboard", "doctor"]
    done = subprocess.run(command, preexec_fn=few, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ulimit -n" in done.stderr
