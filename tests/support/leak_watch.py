"""Samples what the children of a process were given and files that pass by: the eyes of the leak hunt.

A process of its own, so that it also looks while the process that it watches works. Each byte of its standard
input asks it to look once more at everything before it answers; the end of the input ends it, and then it
writes all that it saw to its output.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

_BETWEEN = 0.01
_BETWEEN_FILES = 0.05
_LARGEST = 4_000_000
_LOOKS = 3


class Watch:
    """What was seen: each different content with a place where it was.

    Args:
        parent: whose children are looked at, and theirs.
        folders: whose files are looked at.
    """

    def __init__(self, parent: psutil.Process, folders: list[Path]) -> None:
        self.seen: dict[bytes, str] = {}
        self._parent = parent
        self._folders = folders
        self._files: set[tuple[str, int, int]] = set()
        self._known: dict[tuple[int, float], int] = {}
        self._rounds = 0
        self._round_over = threading.Condition()

    def run(self, stop: threading.Event) -> None:
        """Look again and again."""
        look_at_files = 0.0
        while not stop.wait(_BETWEEN):
            for child in _children(self._parent):
                if child.pid != os.getpid():
                    self._look_at(child)
            if time.monotonic() > look_at_files:
                look_at_files = time.monotonic() + _BETWEEN_FILES
                for folder in self._folders:
                    self._look_into(folder)
                with self._round_over:
                    self._rounds += 1
                    self._round_over.notify_all()

    def look_again(self) -> None:
        """Return once everything has been looked at after this call; the round that goes on is not enough."""
        with self._round_over:
            enough = self._rounds + 2
            self._round_over.wait_for(lambda: self._rounds >= enough)

    def _look_at(self, child: psutil.Process) -> None:
        """More than once at each: what was a copy of its parent is another program a moment later."""
        try:
            key = (child.pid, child.create_time())
            times = self._known.get(key, 0)
            if times >= _LOOKS:
                return
            command, environment = child.cmdline(), child.environ()
        except psutil.Error:
            return  # it has ended meanwhile
        self._known[key] = times + 1
        name = Path(command[0]).name if command else "?"
        self.seen.setdefault("\0".join(command).encode(), f"the arguments of {name}")
        self.seen.setdefault(lines_of(environment), f"the environment of {name}")

    def _look_into(self, folder: Path) -> None:
        for path in files_in(folder):
            try:
                state = path.stat()
                mark = (str(path), state.st_mtime_ns, state.st_size)
                if mark in self._files or state.st_size > _LARGEST:
                    continue
                self._files.add(mark)
                self.seen.setdefault(path.read_bytes(), f"the file {path}, for a moment")
            except OSError:
                continue  # it has gone meanwhile


def _children(parent: psutil.Process) -> list[psutil.Process]:
    """All processes below another; asked of Linux itself, without a walk through everything that runs."""
    if not Path(f"/proc/self/task/{os.getpid()}/children").exists():
        return parent.children(recursive=True)
    found: list[psutil.Process] = []
    left = [parent.pid]
    while left:
        tasks = Path(f"/proc/{left.pop()}/task")
        try:
            pids = [int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()]
            found += map(psutil.Process, pids)
        except (OSError, psutil.Error):
            continue  # one has ended meanwhile; the others are met again in the next round
        left += pids
    return found


def files_in(folder: Path) -> Iterator[Path]:
    """All ordinary files below a folder."""
    for place, _, names in os.walk(folder):
        yield from (path for name in names if (path := Path(place, name)).is_file() and not path.is_symlink())


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
