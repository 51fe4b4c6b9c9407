from __future__ import annotations

import re

from support.layers import USERS, layer_of

from workflows.layer.model import Layer
from workflows.steps.admin.project import layer_remarks

LOCALS = 'locals {\n  users = concat(["a.a"], var.more)\n  machine_users = {}\n}\n'


def commented(*names: str) -> str:
    return "".join(f'# output "{name}" {{\n#   value = 1\n# }}\n\n' for name in names)


def layer(**files: str) -> Layer:
    return layer_of({"users.tf": USERS, **{f"{name}.tf": text for name, text in files.items()}})


def test_many_commented_outputs_take_one_line_after_what_needs_a_hand() -> None:
    group = '# module "iam_group_old" {\n#   source = "x/iam-group"\n# }\n'
    first, second = layer_remarks([layer(a_outputs=commented("a", "b", "c", "d") + group, locals=LOCALS)])
    assert "local.users " in first
    assert re.findall(r"\d+ \w+|\w+\.tf:\d", second) == ["4 outputs", "1 group", "a_outputs.tf:1"]


def test_one_that_is_commented_out_is_named() -> None:
    plain = LOCALS.replace(", var.more", "").replace("concat(", "").replace("])", "]").replace('"])', '"]')
    (remark,) = layer_remarks([layer(locals=plain, outputs=commented("old"))])
    assert all(part in remark for part in ("security: ", " old ", "(outputs.tf:1)"))


def test_more_than_fits_is_counted() -> None:
    told = layer_remarks([layer(locals=LOCALS, outputs=commented("a", "b"))] * 3)
    assert len(told) == 4
    assert all("local.users " in remark for remark in told[:3])
    assert told[3].startswith("3 more")
