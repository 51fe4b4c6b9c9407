"""The administrator's project as fixtures, where tests ask for them by name."""

from support.admin_project import admin_project, admin_template, people_keys

__all__ = ["admin_project", "admin_template", "people_keys"]
