"""The invitation: what is sent is read back from the command in it."""

from __future__ import annotations

import pytest
from support.message_ways import quoted

from workflows.messages.envelope import Flaw, MessageError
from workflows.messages.invitation import Invitation, open_invitation


def test_an_invitation_is_read_back_from_its_command() -> None:
    invitation = Invitation("bb", "jane.doe")
    assert open_invitation(quoted(invitation.render())) == invitation
    assert invitation.command in invitation.render()
    for text, flaw in (
        ("hello", Flaw.NO_INVITATION),
        ("iam-onboard join --project ../x --user a.b", Flaw.BREAKS_RULES),
    ):
        with pytest.raises(MessageError) as refused:
            open_invitation(text)
        assert refused.value.flaw is flaw
