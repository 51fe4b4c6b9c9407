"""What to click in AWS's console, in its exact words; the sandbox's console uses the same."""

from __future__ import annotations

from functools import partial

from rich.cells import cell_len

from screens.widgets.checklist import Task
from screens.widgets.dialogs import tell
from screens.widgets.text import Button, ButtonRow, Text
from workflows.environment import Environment
from workflows.messages.handoff import Identity
from workflows.steps.new_user import sign_in
from workflows.steps.new_user.mfa import CONSOLE
from workflows.steps.shared.module import Context

_FOLDER_CELLS = 40
_CREATE = "Press “Create access key”, choose “Command Line Interface”, confirm, then create it"


def register_device(context: Context, identity: Identity) -> tuple[Task, ...]:
    """Return the steps to register an authenticator app."""
    user = identity.user
    phone = "the sandbox's phone" if context.environment.sandbox else "your phone's app"
    return (
        _sign_in(context, identity, f"Sign in as {user}"),
        _credentials(),
        Task(f"Press “Assign MFA device”: name {user}, “Authenticator app”, “Next”"),
        Task(f"Press “Show QR code”. Scan it with {phone}"),
        Task("Enter two codes in a row, 30 s apart. Press “Add MFA”"),
        Task("Sign out, then sign in again with a new code"),
    )


class SandboxPhone(ButtonRow):
    """The page that plays a person's phone in a sandbox; empty elsewhere."""

    DEFAULT_CSS = """
    SandboxPhone { margin: 0; display: none; }
    SandboxPhone.-sandbox { display: block; }
    SandboxPhone Text { width: auto; max-width: 100%; margin-right: 2; }
    """

    def __init__(self, environment: Environment) -> None:
        page = environment.open_page(f"{environment.endpoint_url}/phone")
        copy = partial(tell, self, lambda: environment.copy(page))
        address = (
            Text(f"Sandbox phone: {page}"),
            Button("Copy", id="copy-phone", name="Copy the phone's address", act=copy),
        )
        shown = address if environment.sandbox else ()
        super().__init__(*shown, id="phone", classes="-sandbox" if environment.sandbox else "")


def create_access_key(context: Context, identity: Identity) -> tuple[Task, ...]:
    """Return the steps to the file of a new access key."""
    downloads = context.environment.readable(context.environment.downloads)
    again = "Sign in with a code" if "mfa" in context.facts else f"Sign in as {identity.user}"
    folder = downloads if cell_len(downloads) <= _FOLDER_CELLS else "the folder below"
    return (
        _sign_in(context, identity, again),
        _credentials(),
        Task("Press “Create access key”" if context.environment.sandbox else _CREATE),
        Task(f"Press “Download .csv file”; save it in {folder}", watched=True),
    )


def done_before(context: Context, fact: str) -> list[int]:
    """Return the numbers of the tasks done beforehand: a user who has just signed in skips the sign-in.

    A device created from here doesn't count: it needs a sign-in with its code. Nor does any sign-in once the
    step was done, since what is known of it is from then.

    Args:
        fact: the one that the step gives.
    """
    how = (context.facts.get("mfa") or {}).get("how", CONSOLE)
    return [1] if fact not in context.facts and how == CONSOLE and sign_in.just_now(context) else []


def _credentials() -> Task:
    return Task("Click your name, top right, then “Security credentials”")


def _sign_in(context: Context, identity: Identity, label: str) -> Task:
    if not identity.sign_in_url:
        return Task("This user has no password for the console", watched=True)
    still = Button("I'm in", id="signed-in")  # users already signed in have nothing to open
    buttons = Button("Open", id="open"), Button("Copy address", id="copy")
    said = not sign_in.evidence(context)[0]
    return Task(label, buttons=buttons, opens=True, confirms=still, said=said)
