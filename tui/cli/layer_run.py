"""The common parts of `plan`, `apply` and `handoff create`: exclusive use of a layer, and its progress."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TypeVar

from tui.cli import asking
from tui.cli.context import own_world
from tui.cli.lookup import find_layer
from tui.cli.output import note, note_at_once
from tui.ending import ENDING, handling
from tui.host import Machine
from workflows.core.files import private_folder
from workflows.core.later import on_demand
from workflows.core.secret import Secret
from workflows.core.sentences import OnboardError, Sentence, text_of
from workflows.environment import Environment
from workflows.machine.lock import SessionInUse, SessionLock
from workflows.steps.admin.layer_program import layer_binary, wanted_binary
from workflows.terraform.binary import ProgramNotTrusted, TrustedPrograms, Wanted, find_program

with on_demand():  # loaded while Terraform answers for its version
    from workflows.steps.admin import (
        accepted_plan,
        judged_plan,
        one_layer,
        recovery,
        terraform_runs,
        upstream,
        written,
    )
    from workflows.steps.shared import leftovers, module
    from workflows.terraform import events, failures, results, runner

Done = TypeVar("Done")


def plans_of(machine: Machine) -> one_layer.KeptPlans:
    """Return the records of kept plan files."""
    return one_layer.KeptPlans(machine.places.sessions.with_name("plans"))


def plan_file(machine: Machine, name: str) -> Path:
    """Return the named plan file; for a link its target, which is what is checked, written and removed."""
    return Path(os.path.realpath(machine.path(name)))


@contextlib.contextmanager
def layer_alone(
    machine: Machine,
    options: argparse.Namespace,
    layer: str = "",
    *,
    current: bool = False,
    before_asking: Callable[[], None] = lambda: None,
) -> Iterator[module.Context]:
    """Yield the context of a layer, keeping other commands away from it.

    Args:
        machine: the user's machine.
        options: `layer`, `binary` and `trust_binary`.
        layer: a layer instead of that in the options.
        current: whether to ask the checkout's upstream.
        before_asking: raises if there is no use in asking about the program.

    Raises:
        ProgramNotTrusted: the project brings its own program, and the user didn't agree to it.
        OnboardError: there is no such layer, its project is incomplete, or another command has it.
    """
    project, location = find_layer(machine, layer or options.layer)
    if project is None:
        raise OnboardError(
            "The project is incomplete",
            f"{location.path} isn't an identities layer of a complete project.",
            why="Terraform needs the project's variables, and the layer's account.",
            next="Check out the whole project, config/common.tfvars included, and name one of its layers.",
        )
    root = hashlib.sha256(os.fsencode(project.root)).hexdigest()[:16]
    folder = machine.places.sessions.with_name("layer-runs") / root
    private_folder(folder)
    try:
        lock = SessionLock(folder / f"{location.account}.lock")
    except SessionInUse as error:
        raise OnboardError(
            "Another command is using this layer",
            f"Process {error.pid or '(unknown)'} is planning, applying or reading {location.relative}.",
            next="Wait until it ends, then try again.",
        ) from error
    try:
        world = own_world(machine, options.binary)
        leftovers.release_credentials(folder, location.account)  # of a killed command
        _ask_about_program(wanted_binary(project, location, world), world, options, before_asking)
        with ThreadPoolExecutor(2) as beside:
            # each takes as long to answer as the steps and the AWS SDK to load
            binary = beside.submit(layer_binary, project, location, world)
            if finished := written.finish_half_written(machine.places.sessions.parent, project.root):
                note(finished)
            context = one_layer.layer_context(
                world, project, location.account, folder, machine.places.sessions
            )
            ask = upstream.check_upstream
            behind = beside.submit(ask, project.root, context, needed=False) if current else None
            try:
                with _in_words_for_here(location.relative, context):
                    yield replace(context, found=module.Found(project, binary, behind))
            finally:
                context.cancelled.set()  # nobody waits for the upstream any more
    finally:
        lock.release()


def _ask_about_program(
    wanted: Wanted, world: Environment, options: argparse.Namespace, before_asking: Callable[[], None]
) -> None:
    try:
        find_program(wanted, world.variables.get("PATH", ""))
    except ProgramNotTrusted as error:
        before_asking()
        question = f"{error.title}.\n{error.program.question}\n\nRun it?"
        if not options.trust_binary and not (asking.has_terminal() and asking.yes(question)):
            raise
        TrustedPrograms(world.trusted_programs_file).add(error.program)
    except OnboardError:
        return  # there is none: the actions that need one say so, and not all do


@contextlib.contextmanager
def _in_words_for_here(layer: str, context: module.Context) -> Iterator[None]:
    """Replace a failure's advice about a screen by what to do without one."""
    try:
        yield
    except OnboardError as error:
        error.next = _next_here(error, layer, context)
        raise


def _next_here(error: OnboardError, layer: str, context: module.Context) -> Sentence:
    match error:
        case terraform_runs.CodeWanted():
            return "Run the same command again, and enter the six digits that the device shows."
        case runner.LeftRunning():
            return "Run the same command again to see how it ends."
        case failures.LockHeld():
            own = recovery.own_lock(error.lock, context)
            whose = (
                f"The lock belongs to the {own.kind} that {own.ending} here and no longer runs: release it"
                if own
                else "Wait for it and try again. Only if you are sure that it is dead, release the lock"
            )
            return f"{whose} in the layer's folder: terraform force-unlock {error.lock.lock_id} (or tofu)"
        case failures.TerraformFailed() if error.way:
            return f"{error.next}\nTo do that: iam-onboard plan {layer} --init {error.way}"
        case results.ApplyFailed() if recovery.needed(error.result):
            return (
                "Plan again. If AWS has something that the state lacks, run `terraform import ADDRESS ID` "
                "(or tofu) in the layer's folder. After importing a login profile, plan with -replace for "
                "it. The wizard does this step by step for its own applies."
            )
    return error.next


def refuse_beside_a_run(context: module.Context, only: runner.Kind | None = None) -> None:
    """Refuse to work beside a Terraform that is still running in the layer.

    Args:
        only: the kind of run that is in the way; None for any.

    Raises:
        OnboardError: one is running.
    """
    run = leftovers.running_in(context.folder, context.item)
    if run is not None and only in {None, run.description.kind}:
        raise OnboardError(
            "Terraform is still running",
            f"Its {run.description.kind} in {run.description.layer} hasn't ended yet.",
            why="An earlier command ended first, and left it running.",
            next="Run that command again to see how it ends, or wait.",
        )


@contextlib.contextmanager
def warning_of_keys(planned: accepted_plan.Planned, context: module.Context) -> Iterator[None]:
    """Check the keys that a plan encrypts something to beside the block, then warn of what is doubtful.

    Raises:
        OnboardError: the layer can't be read.
    """
    with ThreadPoolExecutor(1) as beside:
        doubts = beside.submit(judged_plan.doubted_keys, planned, context)
        yield
    note(*(f"warning: {doubt}" for doubt in doubts.result().values()))


def asked_code(context: module.Context) -> Secret | None:
    """Ask on the terminal for the MFA code that the layer's profile needs now; None if it needs none.

    Raises:
        NoTerminal: a code is needed, and nobody can be asked.
        OnboardError: the layer or its profile is missing.
    """
    device = terraform_runs.code_wanted(context)
    return asking.ask_code(device, context.environment) if device else None


def with_codes(context: module.Context, code: Secret | None, act: Callable[[Secret | None], Done]) -> Done:
    """Act with a code, and repeat with that of each further device that turns out to be needed.

    A code that AWS rejects is asked for again, three times in all.

    Args:
        code: the first code, or None.
        act: the action, `stoppable`; it asks for another code before it changes anything.

    Raises:
        CodeWanted: no code was entered here.
        WrongCode, RepeatedCode: all codes were rejected.
        NoCode: no input was six digits.
        NoTerminal: another code is needed, and nobody can be asked.
    """
    asked: set[str] = set()

    def acted(code: Secret | None) -> Done:
        with stoppable(context):
            return act(code)

    while True:
        try:
            return asking.with_code(acted, code, context.environment)
        except terraform_runs.CodeWanted as wanted:
            if wanted.serial in asked:
                raise
            asked.add(wanted.serial)
            code = asking.ask_code(wanted.serial, context.environment)


@contextlib.contextmanager
def stoppable(context: module.Context) -> Iterator[None]:
    """Let Ctrl-C stop the running work, once. If the terminal goes away, an apply continues unwatched.

    A signal ignored from the start, such as SIGHUP by `nohup`, stays ignored.
    """

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        words = "Stopping; waiting for Terraform to finish cleanly"
        if context.cancelled.is_set():
            words = "Terraform is already stopping; a second request could damage the state. Waiting"
        context.cancelled.set()
        note_at_once(f"{words} …")

    def ended(_number: int, _frame: FrameType | None) -> None:
        run = leftovers.running_in(context.folder, context.item)
        if run is not None and run.description.kind is runner.Kind.APPLY:
            context.leaving.set()
        context.cancelled.set()

    with handling({signal.SIGINT: interrupted, **dict.fromkeys(ENDING, ended)}):
        yield


class RunReport:
    """Reports on standard error what is being done, and each applied resource; never a value."""

    def __init__(self) -> None:
        self._last = ""
        self._seen: set[str] = set()

    def __call__(self, progress: module.Progress) -> None:
        if isinstance(progress.payload, runner.Update):
            self._operations(progress.payload.progress)
        elif (doing := text_of(progress.words)) != self._last:
            self._last = doing
            note(f"{doing} …")

    def _operations(self, now: events.Progress) -> None:
        done = [address for address in now.done if address not in self._seen]
        failed = [address for address in now.failed if address not in self._seen]
        self._seen.update(done, failed)
        total = f"/{now.total}" if now.total else ""
        # An update may complete several.
        for number, address in enumerate(done, len(now.done) - len(done) + 1):
            note(f"  ✓ {number}{total}  {address}")
        note(*(f"  ✗ {len(now.done)}{total}  {address}" for address in failed))
