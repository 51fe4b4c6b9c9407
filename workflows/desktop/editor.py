"""Open the person's own editor at a line: the program, its arguments, and its environment.

The arguments are from the editors' manuals: vi and its heirs, nano, emacs, micro, helix, kakoune and joe
accept `+LINE FILE`; VS Code and its derivatives `--goto FILE:LINE`, Sublime Text and Zed `FILE:LINE`. The
latter two groups return at once unless asked to wait. An unknown editor only gets the file.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from workflows.core.processes import ALLOWED, child_environment
from workflows.core.sentences import DeclaredError, OnboardError, Texts

VARIABLES = ("VISUAL", "EDITOR")
"""The variables with the person's editor; the first one set counts (environ(7))."""

FALLBACKS = ("vi", "nano")
"""The editors to try if neither is set."""

_PLUS = frozenset(
    (
        *("vi", "vim", "nvim", "view", "nano", "pico", "emacs", "emacsclient", "micro", "hx", "helix", "kak"),
        *("joe", "mg", "ne", "mcedit"),
    )
)
_GOTO = frozenset(("code", "code-insiders", "codium", "vscodium", "cursor", "windsurf"))
_COLON = frozenset(("subl", "sublime_text", "zed", "zeditor"))
_WAITS = {"--wait", "-w"}

_OF_TERMINALS_AND_EDITORS = (
    *("TERM", "TERM_PROGRAM*", "TERMINFO*", "COLORTERM", "LC_TERMINAL*", "NO_COLOR", "TMUX", "STY"),
    *("SSH_TTY", "SSH_CONNECTION", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY"),
    *(
        "VIM*",
        "NVIM_*",
        "EXINIT",
        "EMACS*",
        "ALTERNATE_EDITOR",
        "MICRO_*",
        "HELIX_*",
        "KAKOUNE_*",
        "VSCODE_*",
    ),
)


class EditorMissing(DeclaredError):  # noqa: N818 - it reads better where it is raised
    """There is no editor to open.

    Args:
        reason: why, as a sentence.
    """

    texts = Texts(
        title="No editor to open",
        what="{reason}",
        next="Leave with ^q, choose an editor (for example `export EDITOR=nano`), and come back.",
    )


def editor_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The person's editor as an argument prefix: `VISUAL`, else `EDITOR`, else vi or nano.

    Args:
        environment: the person's own; a value may have quoted arguments, such as `code --wait`.

    Raises:
        EditorMissing: the variable's program doesn't exist, or none is set and there is no fallback.
    """
    path = environment.get("PATH", os.defpath)
    given = ((variable, environment.get(variable, "").strip()) for variable in VARIABLES)
    variable, text = next(((variable, text) for variable, text in given if text), ("", ""))
    if not text:
        if fallback := next((name for name in FALLBACKS if shutil.which(name, path=path)), None):
            return (fallback,)
        raise EditorMissing(reason="Neither VISUAL nor EDITOR is set, and neither vi nor nano is installed.")
    try:
        word, *more = shlex.split(text)
    except ValueError as error:
        raise EditorMissing(
            reason=f"{variable} is set to {text}, which can't be split into words: {error}."
        ) from error
    program = str(Path(environment.get("HOME", "/")) / word[2:]) if word.startswith("~/") else word
    if shutil.which(program, path=path) is None:
        raise EditorMissing(reason=f"{variable} is set to {text}, but there is no program {word} here.")
    return (program, *more)


def arguments(editor: Sequence[str], file: Path, line: int) -> list[str]:
    """Return the command that opens a file at a line and waits for the person to finish.

    Args:
        editor: from `editor_of`.
        file: the file, an absolute path.
        line: the line, from 1.
    """
    name = Path(editor[0]).name.partition(".")[0]  # `vim.basic` is vim
    waiting = [] if _WAITS & set(editor) else ["--wait"]
    if name in _PLUS:
        return [*editor, f"+{line}", str(file)]
    if name in _GOTO:
        goto = [] if {"--goto", "-g"} & set(editor) else ["--goto"]
        return [*editor, *waiting, *goto, f"{file}:{line}"]
    if name in _COLON:
        return [*editor, *waiting, f"{file}:{line}"]
    return [*editor, str(file)]


def run_editor(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> int:
    """Run an editor on this process's terminal until it ends; the caller manages the terminal's modes.

    Args:
        command: from `arguments`; run without a shell.
        environment: the person's own; only variables for editors and terminals are passed on.
        folder: the working directory.

    Returns:
        Its exit status; the negated signal number if a signal ended it.

    Raises:
        OnboardError: it cannot be started.
    """
    try:
        done = subprocess.run(
            list(command),
            env=child_environment(environment, allowed=(*ALLOWED, *_OF_TERMINALS_AND_EDITORS)),
            cwd=folder,
            check=False,
        )
    except OSError as error:
        raise OnboardError(
            "Can't start the editor",
            f"{command[0]} didn't start.",
            why=str(error),
            next="Set EDITOR to an editor that works here, or edit the file in another window.",
        ) from error
    return done.returncode
