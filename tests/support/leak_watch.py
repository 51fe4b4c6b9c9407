"""Samples what the children of a process get and short-lived files, for the leak hunt.

It is a separate process, so that it also samples while the watched process is busy. For each byte of its
standard input it samples everything once more and then answers; at the end of the input it writes all samples
to its output and ends.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil

_BETWEEN = 0.01
_BETWEEN_ALL = 0.05
_LARGEST = 4_000_000
_LOOKS = 3


class Watch:
    """The samples: each content with a place where it was.

    Args:
        parent: the process whose children and grandchildren are sampled.
        folders: the folders whose files are sampled.
    """

    def __init__(self, parent: psutil.Process, folders: list[Path]) -> None:
        self.seen: dict[bytes, str] = {}
        self._parent = parent
        self._folders = folders
        self._files: set[tuple[str, int, int]] = set()
        self._known: dict[int, int] = {}
        self._rounds = 0
        self._round_over = threading.Condition()

    def run(self, stop: threading.Event) -> None:
        """Sample repeatedly until `stop` is set."""
        look_at_all = 0.0
        while not stop.wait(_BETWEEN):
            again = time.monotonic() > look_at_all
            self._known = {pid: self._looked_at(pid, again) for pid in _children(self._parent)}
            if again:
                look_at_all = time.monotonic() + _BETWEEN_ALL
                for folder in self._folders:
                    self._look_into(folder)
                with self._round_over:
                    self._rounds += 1
                    self._round_over.notify_all()

    def look_again(self) -> None:
        """Wait until everything has been sampled after this call; the current round does not count."""
        with self._round_over:
            enough = self._rounds + 2
            self._round_over.wait_for(lambda: self._rounds >= enough)

    def _looked_at(self, pid: int, again: bool) -> int:
        """Sample a child that is new, or all of them `again`, as a fork may execute a program much later.

        Returns:
            The number of its samples.
        """
        times = self._known.get(pid, 0)
        if times >= _LOOKS and not again:
            return times
        try:
            child = psutil.Process(pid)
            command, environment = child.cmdline(), child.environ()
        except psutil.Error:
            return times  # it has ended
        name = Path(command[0]).name if command else "?"
        self.seen.setdefault("\0".join(command).encode(), f"the arguments of {name}")
        self.seen.setdefault(lines_of(environment), f"the environment of {name}")
        return times + 1

    def _look_into(self, folder: Path) -> None:
        for entry in _entries_in(folder):
            with suppress(OSError):  # it is gone
                state = entry.stat(follow_symlinks=False)
                mark = (entry.path, state.st_mtime_ns, state.st_size)
                if mark not in self._files and state.st_size <= _LARGEST:
                    self._files.add(mark)
                    content = Path(entry.path).read_bytes()
                    self.seen.setdefault(content, f"the file {entry.path}, for a moment")


def _children(parent: psutil.Process) -> set[int]:
    """All processes below another but this one; Linux itself is asked, without a walk through all of them."""
    if not Path(f"/proc/self/task/{os.getpid()}/children").exists():
        return {child.pid for child in parent.children(recursive=True)} - {os.getpid()}
    found: set[int] = set()
    left = [parent.pid]
    while left:
        tasks, pids = f"/proc/{left.pop()}/task", list[int]()
        with suppress(OSError):  # it, or one of its threads, has ended; the next round finds the others
            for task in os.listdir(tasks):  # noqa: PTH208 - a hundred times a second
                with open(f"{tasks}/{task}/children") as file:  # noqa: PTH123 - as above
                    pids += map(int, file.read().split())
        found.update(pids)
        left += pids
    return found - {os.getpid()}


def files_in(folder: Path) -> Iterator[Path]:
    """All ordinary files below a folder."""
    return (Path(entry.path) for entry in _entries_in(folder))


def _entries_in(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    with suppress(OSError), os.scandir(folder) as entries:  # it is gone
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _entries_in(entry.path)
            elif entry.is_file(follow_symlinks=False):
                yield entry


def lines_of(environment: dict[str, str]) -> bytes:
    """An environment as text."""
    return "\n".join(f"{name}={value}" for name, value in environment.items()).encode()


def main() -> None:
    """Watch until the end of standard input."""
    stop = threading.Event()
    watch = Watch(psutil.Process(int(sys.argv[1])), [Path(name) for name in sys.argv[2:]])
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch.run, stop)
        answer = b"!"
        while answer:
            sys.stdout.buffer.write(answer)
            sys.stdout.buffer.flush()
            answer = sys.stdin.buffer.read(1)
            if answer:
                watch.look_again()
        stop.set()
        watching.result()  # a watch that failed ends this process with its reason
    pickle.dump(watch.seen, sys.stdout.buffer)


if __name__ == "__main__":
    main()
