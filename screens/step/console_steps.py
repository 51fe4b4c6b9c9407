"""What to click in AWS's console, in its exact words; the sandbox's console has the same."""

from __future__ import annotations

from rich.cells import cell_len

from screens.widgets.checklist import Deed
from screens.widgets.text import Button
from workflows.environment import Environment
from workflows.messages.handoff import Identity
from workflows.steps.shared.module import Context

_FOLDER_CELLS = 40
_CREATE = "Press “Create access key”, choose “Command Line Interface”, confirm, then create it"


def register_device(context: Context, identity: Identity) -> tuple[Deed, ...]:
    """The way to a registered authenticator app."""
    user, environment = identity.user, context.environment
    phone = "the phone's app"
    if environment.sandbox:
        phone = f"the sandbox's phone, {sandbox_phone(environment)}"
    return (
        _sign_in(identity, f"Sign in as {user}"),
        _credentials(),
        Deed(f"“Assign MFA device”: name {user}, “Authenticator app”"),
        Deed(f"Press “Show QR code”. Scan it with {phone}"),
        Deed("Enter two codes in a row, 30 s apart. Press “Add MFA”"),
        Deed("Sign out, then sign in again with a new code"),
    )


def sandbox_phone(environment: Environment) -> str:
    """The address of the page that plays a person's phone in a sandbox."""
    return environment.open_page(f"{environment.endpoint_url}/phone")


def create_access_key(context: Context, identity: Identity) -> tuple[Deed, ...]:
    """The way to the file of a new access key."""
    downloads = context.environment.readable(context.environment.downloads)
    sign_in = "Sign in with a code" if "mfa" in context.facts else f"Sign in as {identity.user}"
    folder = downloads if cell_len(downloads) <= _FOLDER_CELLS else "the folder below"
    return (
        _sign_in(identity, sign_in),
        _credentials(),
        Deed("Press “Create access key”" if context.environment.sandbox else _CREATE),
        Deed(f"Press “Download .csv file”, into {folder}", watched=True),
    )


def _credentials() -> Deed:
    return Deed("Click your name, top right, then “Security credentials”")


def _sign_in(identity: Identity, label: str) -> Deed:
    if not identity.sign_in_url:
        return Deed("This user has no password for the console", watched=True)
    still = Button("Already in", id="signed-in")  # who is signed in already has nothing to open
    buttons = (Button("Open", id="open"), Button("Copy address", id="copy"), still)
    return Deed(label, buttons=buttons, opens=True)
