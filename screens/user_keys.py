"""What the keys about the marked person do: switch how they sign in, name the key file, edit by hand."""

from __future__ import annotations

from dataclasses import replace

from textual import on

from screens.by_hand import ByHandPane
from screens.widgets.dialogs import ErrorDialog, NameDialog, ask
from screens.widgets.user_list import UserList
from workflows.core.sentences import text_of
from workflows.layer.model import Person
from workflows.steps import users
from workflows.steps.by_hand import NotPossible, Spot, not_possible, spot_at
from workflows.steps.users import LayerView, Request


class UserKeys(ByHandPane):
    """A pane with a list of people of which one is marked.

    Attributes:
        own: the switches and names of key files that are decided here.
    """

    own = Request()

    def marked(self) -> tuple[LayerView, Person] | None:
        """The marked person, with the layer."""
        raise NotImplementedError

    def request(self) -> Request:
        """All that is decided."""
        raise NotImplementedError

    def show_changed(self, view: LayerView, person: Person) -> None:
        """Something else is decided for somebody: show it."""
        raise NotImplementedError

    def consequences(self, view: LayerView, person: Person) -> list[str]:
        """What each change that is decided for somebody brings about, a sentence each."""
        own = self.own.of(view.account)
        switches, name = own.access.get(person.iam_name, {}), own.key_files.get(person.iam_name)
        after = {fact: switches.get(fact, getattr(person, fact)) for fact in users.WORDS}
        told = [f"The key file will be called {name}; the key in it stays."] if name else []
        for fact, wanted in switches.items():
            if wanted is not getattr(person, fact):
                left = any(after[other] for other in users.WORDS if other != fact)
                shared = view.sharing(person)
                words = users.consequence(person, fact, wanted=wanted, left=left, shared=shared)
                told.append(text_of(words))
        return told

    @on(UserList.Wanted)
    def _do(self, message: UserList.Wanted) -> None:
        line, found = self.query_one(UserList).marked, self.marked()
        if self.running_move or line is None:
            return
        if message.what == "by_hand":
            self.edit_at(line.key if isinstance(line.key, Spot) else _own_spot(*found) if found else line.key)
        elif found is None:
            self.notify("Mark a person for that; e opens your editor here.", severity="warning")
        elif found[1].iam_name in self.request().of(found[0].account).remove:
            self.notify(f"{found[1].iam_name} leaves {found[0].account}; nothing else changes for them.")
        elif message.what == "key_file":
            self._ask_key_file(*found)
        else:
            self._switch(*found, message.what)

    def _switch(self, view: LayerView, person: Person, fact: str) -> None:
        decided = self.own.switch(view.account, person.iam_name, fact)
        now = getattr(person, fact) if decided is None else decided
        refusal = users.switch_refusal(view.layer, person, fact, wanted=not now)
        if refusal is not None:
            self._refuse(not_possible(view.layer, refusal, "Leave it as it is"))
            return
        self.own = users.switched(self.own, view.account, person, fact, self.context.decisions.users)
        self.show_changed(view, person)

    def _ask_key_file(self, view: LayerView, person: Person) -> None:
        refusal = users.rename_refusal(view.layer, person)
        if refusal is not None:
            self._refuse(not_possible(view.layer, refusal, "Leave it as it is"))
            return
        own = self.own.of(view.account).key_files
        before = own.get(person.iam_name, person.key_name)

        def rename(name: str) -> None:
            new = {**own, person.iam_name: "" if name == person.key_name else name}
            self.own = replace(self.own, key_files={**self.own.key_files, view.account: new}).trimmed()
            self.show_changed(view, person)

        def wrong(name: str) -> str:
            same = name == person.key_name
            return "" if same else text_of(users.wrong_file(view.layer, person, name))

        words = "The key stays the same, so no password and no access key is made anew."
        title = f"Another name for the key file of {person.iam_name}"
        ask(self, NameDialog(title, words, before, wrong), rename)

    def _refuse(self, error: NotPossible) -> None:
        spot = error.spot
        dialog = ErrorDialog(error, self.context.world.clipboard.copy, editable=spot is not None)
        ask(self, dialog, lambda _edit: self.edit_at(spot) if spot else None)


def _own_spot(view: LayerView, person: Person) -> Spot:
    return spot_at(view.layer, person.place, f"{person.iam_name} is declared here.")
