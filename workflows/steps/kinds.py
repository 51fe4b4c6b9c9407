"""The kinds of work that an admin decides on."""

from __future__ import annotations

EDITING = ("joining", "leaving", "regrouping", "rekeying")
"""Kinds of work that edit the layers' files."""

KINDS = (*EDITING, "resetting", "mfa_reset")
"""All kinds of work, each a fact of the Project step with the names of people."""
