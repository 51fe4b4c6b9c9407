"""What to click in AWS's console, in its exact words; the sandbox's console has the same."""

from __future__ import annotations

from screens.widgets.checklist import Deed
from screens.widgets.text import Button
from workflows.messages.handoff import Identity
from workflows.steps.shared.module import Context
from workflows.steps.shared.paths import told_path


def register_device(context: Context, identity: Identity) -> tuple[Deed, ...]:
    """The way to a registered authenticator app."""
    user, world = identity.user, context.world
    phone = "the app on your phone"
    if world.sandbox:
        phone = f"the sandbox's phone, {world.open_page(f'{world.endpoint_url}/phone')}"
    return (
        _sign_in(identity, f"Sign in as {user}"),
        Deed("Top right: your name, Security credentials"),
        Deed(f"Assign MFA device, named {user}; choose Authenticator app (a passkey gives no codes)"),
        Deed(f"Show QR code; scan it with {phone}"),
        Deed("Type its code, wait for its next code (up to 30 s), type that too. Add MFA"),
        Deed("Sign out; sign in again with a new code"),
    )


def create_access_key(context: Context, identity: Identity) -> tuple[Deed, ...]:
    """The way to the file of a new access key."""
    world = context.world
    return (
        _sign_in(identity, f"Sign in as {identity.user} with a code"),
        Deed("Top right: your name, Security credentials"),
        Deed("Access keys: Create access key; Command Line Interface; confirm, Next, Create access key"),
        Deed(f"Download .csv file, into {told_path(world.downloads, world.home)}. Then Done"),
    )


def _sign_in(identity: Identity, label: str) -> Deed:
    nowhere = not identity.sign_in_url
    buttons = (
        Button("Open", id="open", disabled=nowhere),
        Button("Copy address", id="copy", disabled=nowhere),
    )
    return Deed("This user has no password for the console" if nowhere else label, buttons=buttons)
