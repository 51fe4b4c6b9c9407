"""The operations on a layer, one small module each."""

from workflows.layer.edit.access import SetAccess
from workflows.layer.edit.account import SetAccountAlias, SetPasswordPolicy
from workflows.layer.edit.groups import AddGroup, AddGroupPolicy, RemoveGroup, RemoveGroupPolicy, RenameGroup
from workflows.layer.edit.key_files import RenameKeyFile, ReplaceKey
from workflows.layer.edit.members import SetGroups
from workflows.layer.edit.operation import EditRefused, Operation, PlacedProblem
from workflows.layer.edit.people import AddPerson
from workflows.layer.edit.removal import RemovePerson

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
