"""Where a new person is declared: a list, a map, or a block of its own; a layer may have several homes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.layer.declarations import constants, user_modules
from workflows.layer.model import Place, Style
from workflows.layer.operations.base import refuse
from workflows.layer.operations.home_blocks import BlocksHome
from workflows.layer.operations.home_list import ListHome
from workflows.layer.operations.home_objects import ObjectsHome

if TYPE_CHECKING:
    from workflows.layer.model import Layer
    from workflows.layer.operations.home import Home


def home_for(layer: Layer, *, machine: bool) -> Home:
    """The home that a new person goes to: of those that can take one, where most of its kind are.

    Args:
        layer: the layer.
        machine: whether it is a machine user.

    Raises:
        EditRefused: none can take one, with the place to edit by hand.
    """
    kind = "machine user" if machine else "user"
    broken = next(
        (
            Place(one.name, one.broken_at)
            for one in layer.files.documents.values()
            if one.broken_at is not None
        ),
        None,
    )
    refusal = refuse(
        f"{layer.location.relative} has no list that a {kind} could be added to.",
        "No module there makes such users." if broken is None else f"{broken.file} cannot be parsed.",
        broken,
    )
    fitting: list[Home] = []
    for home in _homes(layer):
        why = home.refusal(machine=machine)
        if why is None:
            fitting.append(home)
        elif why:
            refusal = refuse(
                f"The {kind} cannot be added to {layer.location.relative}.", f"{why}.", home.place
            )
    if not fitting:
        raise refusal
    return max(fitting, key=lambda one: one.rank(machine=machine))  # of equals, the first


def _homes(layer: Layer) -> list[Home]:
    names = constants(layer.files, layer.location.variables)
    homes: list[Home] = []
    blocks = []
    for module in user_modules(layer.files):
        if module.style is Style.BLOCK:
            blocks.append(module)
        elif module.holds_objects:
            homes.append(ObjectsHome(layer, module, names))
        else:
            homes.append(ListHome(layer, module, names))
    if blocks:
        homes.append(BlocksHome(layer, tuple(blocks)))
    return homes
