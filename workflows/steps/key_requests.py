"""A request of iam-onboard among what people send: found, and held against the person and the project."""

from __future__ import annotations

from workflows.core.errors import OnboardError
from workflows.messages.envelope import MessageError
from workflows.messages.request import Request, open_request
from workflows.services.gpg.normalise import KEYRING_LIMIT
from workflows.services.gpg.refusals import KeyTooLarge
from workflows.steps.base import Context


def request_in(data: bytes | str) -> Request | None:
    """The request in what was sent, or None.

    Raises:
        KeyTooLarge: it is more than any keyring has.
        MessageError: it is a request, and damaged or wrong.
    """
    if len(data) > KEYRING_LIMIT:
        raise KeyTooLarge(len(data), KEYRING_LIMIT)
    text = data if isinstance(data, str) else data.decode("utf-8", errors="replace")
    try:
        return open_request(text)
    except MessageError:
        if "iam-onboard" in text and '"request"' in text:
            raise
        return None


def check_project(request: Request, context: Context) -> None:
    """Refuse a request for another project.

    Raises:
        OnboardError: it is for another one.
    """
    project = context.facts["project"]
    if request.project != project:
        raise OnboardError(
            "A request for another project",
            f"It asks for {request.project}, and this is {project}.",
            next="Check that you pasted the right message.",
        )


def check_request(request: Request, name: str, context: Context) -> None:
    """Refuse a request for another project or of somebody else.

    Raises:
        OnboardError: it is.
    """
    check_project(request, context)
    if request.user.casefold() != name.casefold():
        raise OnboardError(
            "A request of somebody else",
            f"It is from {request.user}, and you are taking in the key of {name}.",
            next=f"If {request.user} joins too, say so in the Project step; else ask {name} for theirs.",
        )
