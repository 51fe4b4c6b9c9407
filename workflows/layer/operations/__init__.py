"""The operations on a layer, one small module each."""

from workflows.layer.operations.access import SetAccess
from workflows.layer.operations.account import SetAccountAlias, SetPasswordPolicy
from workflows.layer.operations.add_person import AddPerson
from workflows.layer.operations.base import EditRefused, Operation, PlacedProblem
from workflows.layer.operations.group_policies import AddGroupPolicy, RemoveGroupPolicy
from workflows.layer.operations.groups import AddGroup, RemoveGroup, RenameGroup
from workflows.layer.operations.key_file import RenameKeyFile
from workflows.layer.operations.keys import ReplaceKey
from workflows.layer.operations.remove_person import RemovePerson
from workflows.layer.operations.set_groups import SetGroups

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
