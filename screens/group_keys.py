"""What the keys about the marked group do: make one like it, rename or remove it, change its policies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from screens.by_hand import ByHandPane
from screens.widgets.dialogs import Confirm, NameDialog, ask
from screens.widgets.matrix import Matrix
from screens.widgets.policies_dialog import GroupPolicies, PoliciesDialog
from workflows.core.sentences import text_of
from workflows.layer.managed_policies import short_policy
from workflows.layer.names import check_group_name
from workflows.steps import group_views
from workflows.steps.decisions import NewGroup, PolicyChanges
from workflows.steps.group_views import LayerChoice, LayerView


class GroupKeys(ByHandPane):
    """A pane with a matrix of which one layer is shown."""

    @property
    def view(self) -> LayerView:
        """The layer that is shown."""
        raise NotImplementedError

    @property
    def choice(self) -> LayerChoice:
        """What is decided for it."""
        raise NotImplementedError

    def choose(self, choice: LayerChoice, group: str = "") -> None:
        """Decide something else for it, and mark a group."""
        raise NotImplementedError

    def action_new_group(self) -> None:
        """Ask for a name and make a group in the shape of the marked one."""
        sibling = self.view.like(self.choice, self.query_one(Matrix).group)
        if sibling is None:
            self.notify("There is no group to make another one like.", severity="warning")
            return
        policies = ", ".join(short_policy(policy) for policy in sibling.policies) or "none"

        def make(name: str) -> None:
            added = (*self.choice.add, NewGroup(name, sibling.name))
            self.choose(replace(self.choice, add=added), name)

        words = f"Made like {sibling.name}, without its members. Policies: {policies}"
        self._ask_name("A new group", words, "", self.view.taken(self.choice), make)

    def action_rename_group(self) -> None:
        """Ask for another name of the marked group."""
        group = self.query_one(Matrix).group
        if not group:
            return
        written = group in self.view.by_name
        value = self.choice.rename.get(group, group)

        def rename(name: str) -> None:
            renamed = group_views.renamed(self.choice, group, name, written=written)
            self.choose(renamed, group if written else name)

        own = {group.casefold(), value.casefold()}
        taken = [name for name in self.view.taken(self.choice) if name.casefold() not in own]
        self._ask_name(f"Another name for {group}", "", value, taken, rename)

    def _ask_name(
        self,
        title: str,
        words: str,
        value: str,
        taken: Sequence[str],
        then: Callable[[str], None],
    ) -> None:
        def wrong(name: str) -> str:
            return next((text_of(problem.message) for problem in check_group_name(name, taken)), "")

        ask(self, NameDialog(title, words, value, wrong, example="for example  observers"), then)

    def action_remove_group(self) -> None:
        """Ask, then remove the marked group; a new one is simply forgotten, a removed one stays after all."""
        group = self.query_one(Matrix).group
        if not group or group in self.choice.remove:
            self.choose(group_views.kept(self.choice, group), group)
            return
        known = self.view.by_name.get(group)
        if known is None:
            self.choose(group_views.removed(self.choice, group, written=False))
            return

        def remove(_yes: bool) -> None:  # noqa: FBT001 - a dialog's answer
            self.choose(group_views.removed(self.choice, group, written=True), group)

        body = f"Members: {_some(known.members) or 'none'}. Nothing is written before Review."
        alone = self.view.alone_without(self.choice, group)
        if alone:
            body = f"In no group afterwards: {_some(alone)}.\n{body}"
        ask(self, Confirm(f"Remove the group {group}?", body, "Remove", typed=group), remove)

    def action_policies(self) -> None:
        """Show the marked group's managed policies, and take changes of them."""
        group = self.query_one(Matrix).group
        like = self.view.like(self.choice, group)
        if like is None or group in self.choice.remove:
            return

        def change(changes: PolicyChanges) -> None:
            self.choose(group_views.with_policies(self.choice, group, changes), group)

        about = GroupPolicies(
            group=self.choice.rename.get(group, group),
            there=like.policies,
            changes=self.choice.policies_of(group),
            note="" if group in self.view.by_name else f"It begins with the policies of {like.name}.",
            account_id=self.view.account_id,
            others=tuple(policy for one in self.view.by_name.values() for policy in one.policies),
        )
        ask(self, PoliciesDialog(about), change)


def _some(names: tuple[str, ...]) -> str:
    """The names, but no more than a dialog takes."""
    more = f" and {len(names) - 20:,} more" if len(names) > 20 else ""
    return ", ".join(names[:20]) + more
