"""The sandbox's stand-in for AWS's sign-in console, and a pretend phone with an authenticator app.

Server-rendered pages without any script, so that a text browser and a test walk them as a person does. They
act through the strict layer only: whatever AWS would refuse in its console is refused here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from workflows.sandbox.strict import StrictAws
    from workflows.sandbox.strict.directory import Directory


def console_application(strict: StrictAws, directory: Directory) -> WSGIApplication:
    """The pages under `/console` and `/phone`.

    Args:
        strict: the AWS that they act on; their own state is kept in its `dump()`.
        directory: the accounts that people can sign in to.
    """
    from workflows.sandbox.console.application import build  # noqa: PLC0415 - keeps Flask out of the wizard

    return build(strict, directory)


__all__ = ["console_application"]
