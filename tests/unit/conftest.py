"""The administrator's project and the new user's AWS as fixtures, where tests ask for them by name."""

from support.admin_project import admin_project, admin_template, people_keys
from support.own_machine import keyring
from support.served_aws import new_user

__all__ = ["admin_project", "admin_template", "keyring", "new_user", "people_keys"]
