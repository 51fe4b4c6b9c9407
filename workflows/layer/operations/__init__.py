"""The operations on a layer, one small module each."""

from workflows.layer.operations.access import SetAccess
from workflows.layer.operations.account import SetAccountAlias, SetPasswordPolicy
from workflows.layer.operations.base import EditRefused, Operation, PlacedProblem
from workflows.layer.operations.groups import (
    AddGroup,
    AddGroupPolicy,
    RemoveGroup,
    RemoveGroupPolicy,
    RenameGroup,
)
from workflows.layer.operations.key_files import RenameKeyFile, ReplaceKey
from workflows.layer.operations.members import SetGroups
from workflows.layer.operations.people import AddPerson
from workflows.layer.operations.removal import RemovePerson

__all__ = [
    "AddGroup",
    "AddGroupPolicy",
    "AddPerson",
    "EditRefused",
    "Operation",
    "PlacedProblem",
    "RemoveGroup",
    "RemoveGroupPolicy",
    "RemovePerson",
    "RenameGroup",
    "RenameKeyFile",
    "ReplaceKey",
    "SetAccess",
    "SetAccountAlias",
    "SetGroups",
    "SetPasswordPolicy",
]
