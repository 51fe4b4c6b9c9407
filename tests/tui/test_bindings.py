"""Keys of every screen: what may be typed into a field is never taken away from it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from textual.binding import Binding
from textual.dom import DOMNode

import screens
import tui
from tui.app.application import OnboardApp
from tui.app.wizard import WizardScreen


def owners() -> Iterator[type[DOMNode]]:
    """Every class of ours that binds keys."""
    for package in (screens, tui):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for value in vars(importlib.import_module(module.name)).values():
                ours = isinstance(value, type) and value.__module__ == module.name
                if ours and issubclass(value, DOMNode) and "BINDINGS" in vars(value):
                    yield value


def bindings(owner: type[DOMNode]) -> list[Binding]:
    return [made for made in Binding.make_bindings(owner.BINDINGS) if isinstance(made, Binding)]


def test_no_key_that_can_be_typed_comes_before_the_field_that_has_the_focus() -> None:
    found = list(owners())
    assert {OnboardApp, WizardScreen} <= set(found)
    typed = [
        (owner.__name__, binding.key)
        for owner in found
        for binding in bindings(owner)
        if binding.priority and (len(binding.key) == 1 or binding.key in {"question_mark", "slash", "space"})
    ]
    assert typed == []


def test_no_key_is_one_that_a_terminal_or_tmux_takes_away() -> None:
    taken = {"ctrl+b", "ctrl+h", "ctrl+i", "ctrl+j", "ctrl+m", "f11"}
    used = {(owner.__name__, binding.key) for owner in owners() for binding in bindings(owner)}
    assert {binding for binding in used if binding[1] in taken} == set()


def test_every_binding_can_be_told_apart_by_its_id() -> None:
    """The line of keys knows them by it."""
    for owner in (OnboardApp, WizardScreen):
        ids = [binding.id for binding in bindings(owner)]
        assert all(ids)
        assert len(set(ids)) == len(ids)
