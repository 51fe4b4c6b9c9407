"""What the homes of people have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from workflows.core.sentences import Sentence

if TYPE_CHECKING:
    from collections.abc import Callable

    from workflows.layer.document import Document
    from workflows.layer.facts import PersonFacts
    from workflows.layer.model import Owner, Person, Place


@dataclass(frozen=True)
class NewDeclaration:
    """How a new person would be declared.

    Attributes:
        facts: the person's facts afterwards; the key file is where its key goes.
        owner: what a reference to the person names.
        siblings: the people of its kind in the same home, as IAM names.
        edit: makes the edited document.
        sibling: the IAM name of the one that is followed; "" where nobody is.
        copied: the fields that it would take over from the sibling, though they may be the sibling's own.
    """

    facts: PersonFacts
    owner: Owner
    siblings: tuple[str, ...]
    edit: Callable[[], Document]
    sibling: str = ""
    copied: tuple[str, ...] = ()


class Home(Protocol):
    """A place where people are declared in one way."""

    @property
    def place(self) -> Place:
        """Where it is, for whoever edits it by hand."""
        ...

    def refusal(self, *, machine: bool) -> Sentence | None:
        """Why it cannot take such a person, as a sentence without its end.

        None when it can; "" when it simply is for others.
        """
        ...

    def rank(self, *, machine: bool) -> tuple[int, int]:
        """How well it suits such a person; the greatest is taken."""
        ...

    def plan(self, name: str, *, machine: bool) -> NewDeclaration:
        """How a person of that IAM name would be declared here.

        Raises:
            EditRefused: it cannot be, with the place to edit by hand.
        """
        ...


def of_kind(people: tuple[Person, ...], *, machine: bool) -> tuple[Person, ...]:
    """The people who are machine users, or those who are not."""
    return tuple(one for one in people if one.machine is machine)
