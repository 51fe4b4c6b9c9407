"""What to click in AWS's console, in its exact words; the sandbox's console has the same."""

from __future__ import annotations

from rich.console import RenderableType

from screens.widgets.text import numbered
from workflows.messages.handoff import Identity
from workflows.steps.shared.module import Context
from workflows.steps.shared.own_identity import sign_in_page
from workflows.steps.shared.paths import told_path

_NO_PASSWORD = "this user has no password for the console"  # noqa: S105 - words, no password


def register_device(context: Context, identity: Identity) -> RenderableType:
    """The way to a registered authenticator app."""
    user, world = identity.user, context.world
    phone = "the app on your phone"
    if world.sandbox:
        phone = f"the sandbox's phone, {world.open_page(f'{world.endpoint_url}/phone')}"
    return numbered(
        [
            f"Sign in as {user}: {sign_in_page(context, identity) or _NO_PASSWORD}",
            "Top right: your name, Security credentials.",
            f"Assign MFA device, named {user}; choose Authenticator app. Not Passkey: it gives no codes.",
            f"Show QR code; scan it with {phone}.",
            "Type its code, wait for its next code (up to 30 s), type that too. Add MFA.",
            "Sign out; sign in again with a code, each is good once. Then you may make access keys.",
        ]
    )


def create_access_key(context: Context, identity: Identity) -> RenderableType:
    """The way to the file of a new access key."""
    world = context.world
    return numbered(
        [
            f"Sign in as {identity.user} with a code: {sign_in_page(context, identity) or _NO_PASSWORD}",
            "Top right: your name, Security credentials.",
            "Access keys: Create access key; Command Line Interface; confirm, Next, Create access key.",
            f"Download .csv file, into {told_path(world.downloads, world.home)}. Then Done.",
        ]
    )
