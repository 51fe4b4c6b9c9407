from __future__ import annotations

import pytest
from support.layers import edit_layer, layer_of

from workflows.layer.edit.people import AddPerson

JANE = """module "user_jane_doe" {
  # Jane Doe is on call until May.
  source = "../modules/iam-user" # as for everybody

  name    = "jane.doe" # jane.doe, not jane
  pgp_key = file("keys/jane.doe") /* jane.doe */
  /* jane.doe's own */
  # nobody else
  create_iam_user_login_profile = true
  create_iam_access_key         = false
}
"""
KIM = """module "user_kim_lee" {
  source = "../modules/iam-user" # as for everybody

  name    = "kim.lee"
  pgp_key = file("keys/kim.lee")
  # nobody else
  create_iam_user_login_profile = true
  create_iam_access_key         = false
}
"""


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_comment_that_names_somebody_is_not_copied_for_somebody_else(line_end: str) -> None:
    before, after = (text.replace("\n", line_end) for text in (JANE, KIM))
    layer = layer_of({"users.tf": before.encode()}, {"jane.doe": "KEY\n"})
    edited = edit_layer(layer, [AddPerson("kim.lee", "KEY\n")])
    written = edited.files.documents["users.tf"].data.decode()
    assert written.startswith(before)
    assert written.removeprefix(before).lstrip() == after
