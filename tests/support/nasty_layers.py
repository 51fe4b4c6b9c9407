"""Layers of unusual forms, and what an edit left in them."""

from __future__ import annotations

from support.layers import USERS, layer_of

from workflows.layer.model import Layer

GROUP = (
    'module "iam_group_ops" {\n  source      = "../modules/iam-group-with-policies"\n  name        = "ops"\n'
    "  group_users = MEMBERS\n}\n"
)


def with_users(users: str, **files: str) -> Layer:
    named = {name.replace("_tf", ".tf"): text for name, text in files.items()}
    locals_text = f"locals {{\n  users = {users}\n\n  machine_users = {{}}\n}}\n"
    return layer_of({"locals.tf": locals_text, "users.tf": USERS, **named})


def users_of(layer: Layer) -> str:
    text = layer.files.documents["locals.tf"].data.decode()
    return text.partition("users = ")[2].partition("\n\n  machine_users")[0]
