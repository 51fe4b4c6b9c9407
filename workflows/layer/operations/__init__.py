"""The operations on a layer, one small module each."""

from workflows.layer.operations.add_person import AddPerson
from workflows.layer.operations.base import EditRefused, Operation
from workflows.layer.operations.keys import ReplaceKey

__all__ = ["AddPerson", "EditRefused", "Operation", "ReplaceKey"]
