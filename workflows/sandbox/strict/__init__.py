"""What AWS refuses and moto lets through: a strict WSGI layer in front of moto.

The program must never get away with something in the sandbox that AWS would not allow, so every request is
authenticated (Signature Version 4), given an identity, authorised by the policies attached to it, and only
then handed to moto. Importing this package loads neither moto nor botocore; `StrictAws` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workflows.sandbox.strict.application import StrictAws

__all__ = ["StrictAws"]


def __getattr__(name: str) -> object:
    if name == "StrictAws":
        from workflows.sandbox.strict.application import StrictAws  # noqa: PLC0415 - keeps moto out of the wizard

        return StrictAws
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
