"""The runner, with small Python programs in place of Terraform."""

from __future__ import annotations

import errno
import itertools
import json
import os
import shutil
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.killing import Killed, live

from workflows.core.files import cause_of
from workflows.core.processes import process_started_at, write_record
from workflows.core.sentences import OnboardError
from workflows.terraform import runner
from workflows.terraform.events import Diagnostic
from workflows.terraform.runner import Kind, LeftRunning, NotStarted, Run, StillRunning, Update, Watch


def start(folder: Path, program: str, *, environment: dict[str, str] | None = None) -> Run:
    return Run.start(
        [sys.executable, "-I", "-S", "-u", "-c", program],
        kind=Kind.APPLY,
        folder=folder,
        cwd=folder.parent,
        environment={"PATH": os.defpath, "TMPDIR": str(folder.parent), **(environment or {})},
        facts={"plan_sha256": "abc"},
    )


def test_output_exit_status_and_modes(tmp_path: Path) -> None:
    run = start(tmp_path / "run", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    updates: list[Update] = []
    outcome = run.follow(Watch(updates.append))
    assert outcome.exit_code == 3
    assert not outcome.succeeded
    assert outcome.text == "out\nerr"
    assert [line for update in updates for line in update.lines] == ["out", "err"]
    assert not any(update.events for update in updates)
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "run").iterdir()} == {
        "run.json": 0o600,
        "output.log": 0o600,
        "process.json": 0o600,
        "exit.json": 0o600,
    }
    assert not run.is_running()
    assert run.cancel() is False


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the end is looked for")
def test_the_end_is_waited_for_and_not_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "POLL_SECONDS", 3600)
    os.mkfifo(tmp_path / "go")
    run = start(tmp_path / "run", "open('go').read()")
    threading.Thread(target=(tmp_path / "go").write_text, args=("",)).start()
    assert run.follow().succeeded


def test_where_python_cannot_wait_for_the_end_it_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    assert start(tmp_path / "run", "pass").follow().succeeded


def test_who_stops_before_terraform_listens_kills_nothing(tmp_path: Path) -> None:
    program = (
        "import signal, sys, time\n"
        "time.sleep(0.5)\n"
        "signal.signal(signal.SIGINT, lambda *_: sys.exit(1))\n"
        "print('begun')\n"
        "time.sleep(60)"
    )
    run, stop = start(tmp_path / "run", program), threading.Event()
    stop.set()
    outcome = run.follow(Watch(cancelled=stop))
    assert outcome.cancelled
    assert outcome.exit_code == 1, "negative where the signal ended it"


def test_the_description_holds_no_argument(tmp_path: Path) -> None:
    run = start(tmp_path / "run", "canary = 'canary-argument'")
    run.follow()
    for path in run.folder.iterdir():
        assert "canary-argument" not in path.read_text()
    assert run.description.facts == {"plan_sha256": "abc"}
    assert run.description.kind is Kind.APPLY
    assert run.description.layer == tmp_path


def followed(folder: Path) -> int:
    return start(folder, "").follow().exit_code


def discarded(folder: Path) -> int:
    run = Run.attach(folder)
    assert run is not None
    run.discard()
    return 0


def test_wherever_a_start_is_killed_nothing_was_begun(tmp_path: Path) -> None:
    for number in itertools.count(1):
        folder = tmp_path / f"{number}"
        life = live(partial(followed, folder), Killed(number))
        if not life.killed:
            break
        if (run := Run.attach(folder)) is not None:
            while run.is_running():
                time.sleep(0.01)
        assert Run.attach(folder) is None
        assert not (folder / "exit.json").exists()
    assert life.code == 0
    assert number > 3
    # Terraform's folder is removed too, unless the kill prevented that
    while len([*tmp_path.glob("io-*")]) > 2:
        time.sleep(0.01)


def test_wherever_a_removal_is_killed_a_run_that_is_found_has_an_output(tmp_path: Path) -> None:
    for number in itertools.count(1):
        run = start(tmp_path / f"{number}", "")
        run.follow()
        life = live(partial(discarded, run.folder), Killed(number))
        if not life.killed:
            break
        if (left := Run.attach(run.folder)) is not None:
            left.keep_redacted(tmp_path / "kept.log")
    assert life.code == 0
    assert number > 3


def test_a_line_that_comes_in_pieces_is_one_event(tmp_path: Path) -> None:
    program = """
import sys, time
line = '{"type":"diagnostic","diagnostic":{"severity":"error","summary":"s","detail":"é"}}\\n'.encode()
for start in range(0, len(line), 7):
    sys.stdout.buffer.write(line[start:start + 7]); sys.stdout.buffer.flush(); time.sleep(0.02)
sys.stdout.buffer.write(b'{"torn')
"""
    run = start(tmp_path / "run", program)
    events: list[object] = []
    outcome = run.follow(Watch(lambda update: events.extend(update.events)))
    assert events == [Diagnostic("error", "s", "é", "", "", "")]
    assert outcome.text.endswith('{"torn')
    assert outcome.exit_code == 0


def test_what_is_said_comes_from_an_event_and_no_other_line(tmp_path: Path) -> None:
    warning = {"severity": "warning", "summary": "old"}
    lines = (
        {"type": "change_summary", "@message": "Plan: 1 to add", "changes": {"operation": "plan"}},
        {"type": "diagnostic", "@message": "Warning: old", "diagnostic": warning},
        {"type": "outputs", "@message": "Outputs: 11"},
    )
    run = start(tmp_path / "run", f"print({chr(10).join(map(json.dumps, lines))!r})")
    updates: list[Update] = []
    run.follow(Watch(updates.append))
    assert {update.said for update in updates} - {""} == {"Plan: 1 to add"}


def test_it_runs_in_a_session_of_its_own_with_nothing_to_read_and_a_folder_for_sockets(
    tmp_path: Path,
) -> None:
    program = """
import json, os, sys
print(json.dumps([os.getsid(0), sys.stdin.read(), os.environ["TMPDIR"], sorted(os.environ)]))
"""
    temporary = tmp_path / "t"
    temporary.mkdir()
    run = start(tmp_path / "run", program, environment={"TMPDIR": str(temporary)})
    outcome = run.follow()
    session, stdin, own, names = json.loads(outcome.text)
    assert session != os.getsid(0)
    assert stdin == ""
    assert Path(own).parent == temporary
    assert not Path(own).exists()
    assert set(names) - {"LC_CTYPE"} == {"PATH", "TMPDIR"}


def test_cancel_sends_one_interrupt_whoever_asks(tmp_path: Path) -> None:
    program = """
import signal, sys, time
count = 0
def interrupted(number, frame):
    global count
    count += 1
    print("interrupted", count, flush=True)
signal.signal(signal.SIGINT, interrupted)
print("ready", flush=True)
while not count:
    time.sleep(0.02)
time.sleep(0.5)  # in which a second one would come
"""
    run = start(tmp_path / "run", program)
    cancelled = threading.Event()
    outcome = run.follow(
        Watch(lambda update: cancelled.set() if "ready" in update.lines else None, cancelled)
    )
    assert outcome.cancelled
    assert outcome.text == "ready\ninterrupted 1"
    again = Run.attach(run.folder)
    assert again is not None
    assert again.was_cancelled()
    assert again.cancel() is False


def _until(path: Path) -> str:
    """Return a program that runs until a file exists."""
    return f"import os, time\nwhile not os.path.exists({str(path)!r}): time.sleep(0.02)"


def test_leaving_and_attaching(tmp_path: Path) -> None:
    over = tmp_path / "over"
    run = start(tmp_path / "run", f"print('one', flush=True)\n{_until(over)}\nprint('two')")
    leave = threading.Event()
    leave.set()
    with pytest.raises(LeftRunning):
        run.follow(Watch(leave=leave))
    with pytest.raises(StillRunning):
        run.discard()
    again = Run.attach(tmp_path / "run")
    assert again is not None
    assert again.is_running()
    over.touch()
    assert again.follow().text == "one\ntwo"
    assert Run.attach(tmp_path / "nothing") is None


def test_who_leaves_as_it_ends_leaves_the_end_to_the_next_one(tmp_path: Path) -> None:
    run = start(tmp_path / "run", "print('over')")
    run.follow()
    leave = threading.Event()
    leave.set()
    with pytest.raises(LeftRunning):
        run.follow(Watch(leave=leave))
    assert run.follow().text == "over"


def test_whoever_leaves_does_not_cancel(tmp_path: Path) -> None:
    over = tmp_path / "over"
    run = start(tmp_path / "run", _until(over))
    leave, cancelled = threading.Event(), threading.Event()
    leave.set()
    cancelled.set()
    with pytest.raises(LeftRunning):
        run.follow(Watch(cancelled=cancelled, leave=leave))
    assert not run.was_cancelled()
    over.touch()
    assert run.follow().succeeded


def test_a_recycled_pid_is_not_mistaken_for_the_run(tmp_path: Path) -> None:
    run = start(tmp_path / "run", "print('over')")
    run.follow()
    (run.folder / "exit.json").unlink()
    record = {
        "pid": os.getpid(),
        "started_at": "another time",
        "supervisor_pid": os.getpid(),
        "supervisor_started_at": "another time",
    }
    (run.folder / "process.json").write_text(json.dumps(record))
    assert not run.is_running()
    assert run.cancel() is False


def end_without_supervisor(tmp_path: Path, *lines: dict[str, object]) -> int | None:
    text = "".join(json.dumps(line) + "\n" for line in lines)
    run = start(tmp_path / "run", f"print({text!r}, end='')")
    run.follow()
    (run.folder / "exit.json").unlink()
    outcome = run.follow()
    shutil.rmtree(run.folder)
    return outcome.exit_code


def test_without_an_exit_status_the_last_words_count(tmp_path: Path) -> None:
    changes = {"add": 1, "change": 0, "remove": 0, "operation": "apply"}
    whole = {"type": "change_summary", "changes": changes}
    planned = {"type": "change_summary", "changes": {**changes, "operation": "plan"}}
    wrong = {"type": "diagnostic", "diagnostic": {"severity": "error", "summary": "s", "detail": ""}}
    assert end_without_supervisor(tmp_path, whole) == 0
    assert end_without_supervisor(tmp_path, whole, wrong) == 1
    assert end_without_supervisor(tmp_path, planned) is None
    assert end_without_supervisor(tmp_path) is None


def test_what_is_kept_is_redacted_and_private(tmp_path: Path) -> None:
    run = start(
        tmp_path / "run",
        "print('arn:aws:iam::111122223333:role/x'); print('{\"@message\":\"AKIAIOSFODNN7EXAMPLE\"}')",
    )
    run.follow()
    run.keep_redacted(tmp_path / "apply.log")
    assert (tmp_path / "apply.log").read_text() == "<arn:role/x>\n<key-id>\n"
    assert (tmp_path / "apply.log").stat().st_mode & 0o777 == 0o600
    assert not run.folder.exists()


def test_what_cannot_start_says_so(tmp_path: Path) -> None:
    run = Run.start(
        [str(tmp_path / "none")], kind=Kind.INIT, folder=tmp_path / "run", cwd=tmp_path, environment={}
    )
    outcome = run.follow()
    assert outcome.exit_code == 127
    assert os.strerror(errno.ENOENT) in outcome.text
    with pytest.raises(NotStarted):
        Run.start(["true"], kind=Kind.INIT, folder=tmp_path / "run", cwd=tmp_path, environment={})
    with pytest.raises(NotStarted):
        Run.start(["true"], kind=Kind.INIT, folder=tmp_path / "other", cwd=tmp_path / "none", environment={})


def test_the_wizard_has_nothing_to_reap(tmp_path: Path) -> None:
    over = tmp_path / "over"
    run = start(tmp_path / "run", _until(over))
    process = json.loads((run.folder / "process.json").read_text())
    with pytest.raises(ChildProcessError):
        os.waitpid(process["supervisor_pid"], os.WNOHANG)
    over.touch()
    assert run.follow().succeeded


@pytest.mark.parametrize("last", ["process.json", "run.json"])
@pytest.mark.parametrize("stop", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), KeyboardInterrupt()])
def test_nothing_is_started_that_is_not_noted(
    stop: BaseException, last: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary, evidence, folder = tmp_path / "t", tmp_path / "started", tmp_path / "run"
    temporary.mkdir()
    waiting: list[int] = []

    def attempt() -> Run:
        return Run.start(
            ["mkdir", str(evidence)],
            kind=Kind.APPLY,
            folder=folder,
            cwd=tmp_path,
            environment={"PATH": os.defpath, "TMPDIR": str(temporary)},
        )

    def stopping(path: Path, record: dict[str, Any]) -> None:
        write_record(path, record)
        waiting.extend(record[name] for name in ("pid", "supervisor_pid") if name in record)
        if path.name == last:
            raise stop

    with monkeypatch.context() as patched:
        patched.setattr(runner, "write_record", stopping)
        with pytest.raises(NotStarted if isinstance(stop, OSError) else KeyboardInterrupt) as ended:
            attempt()
    for pid in waiting:
        while process_started_at(pid) is not None:
            time.sleep(0.01)
    assert len(waiting) == 2
    assert not evidence.exists()
    if isinstance(ended.value, NotStarted):
        assert ended.value.why == cause_of(stop)
        assert not folder.exists()
        assert list(temporary.iterdir()) == []
    else:
        assert Run.attach(folder) is None
        shutil.rmtree(folder)
    assert attempt().follow().succeeded
    assert evidence.is_dir()


def test_it_is_noted_before_it_runs(tmp_path: Path) -> None:
    program = f"import os; print(open({str(tmp_path / 'run' / 'process.json')!r}).read()); print(os.getpid())"
    record, pid = start(tmp_path / "run", program).follow().text.splitlines()
    assert json.loads(record)["pid"] == int(pid)


@pytest.mark.parametrize(
    "damage", ["{}", '{"kind": "plan"}', '{"kind": 3, "layer": "x", "temporary": "x", "facts": {}}']
)
def test_a_run_whose_record_is_damaged_is_named(damage: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(damage)
    with pytest.raises(OnboardError, match=r"run\.json"):
        Run.attach(tmp_path)


def test_a_damaged_record_never_has_another_folder_removed(tmp_path: Path) -> None:
    run, mine = tmp_path / "run", tmp_path / "mine"
    run.mkdir()
    mine.mkdir()
    record = {"kind": "plan", "layer": str(tmp_path), "temporary": str(mine), "facts": {}}
    (run / "run.json").write_text(json.dumps(record))
    attached = Run.attach(run)
    assert attached is not None
    attached.discard()
    assert mine.is_dir()
    assert not run.exists()
