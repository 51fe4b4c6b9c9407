"""Whether the checkout is behind what colleagues pushed, and the way to catch up."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.admin_project import AdminProject

from workflows.core.sentences import OnboardError
from workflows.steps.admin.upstream import CheckoutBehind, UpstreamUnreachable, check_upstream


def refused(admin: AdminProject, *, needed: bool = True) -> OnboardError:
    with pytest.raises(OnboardError) as caught:
        check_upstream(admin.root, admin.context(), needed=needed)
    return caught.value


def test_what_was_written_is_taken_along_to_what_colleagues_added(admin_project: AdminProject) -> None:
    first = admin_project.git("rev-parse", "HEAD").strip()
    admin_project.git("commit", "--quiet", "--allow-empty", "--message", "A colleague's")
    admin_project.git("push", "--quiet")
    admin_project.git("reset", "--quiet", "--hard", first)
    admin_project.git("commit", "--quiet", "--allow-empty", "--message", "Mine")
    assert "`git pull --rebase`" in refused(admin_project).next
    admin_project.replace("security", "locals.tf", '"sam.okafor",', '"sam.okafor",\n    "b.sample",')
    advice = refused(admin_project).next
    assert "`git pull --rebase --autostash`" in advice
    admin_project.git(*advice.split("`")[1].split()[1:], "--quiet")
    assert "b.sample" in admin_project.text("security", "locals.tf")
    check_upstream(admin_project.root, admin_project.context(), needed=True)


@pytest.mark.parametrize("state", [("switch", "--create", "onboard/jane.doe"), ("checkout", "--detach")])
def test_a_checkout_without_upstream_is_compared_with_the_default_branch(
    admin_project: AdminProject, state: tuple[str, ...]
) -> None:
    first = admin_project.git("rev-parse", "HEAD").strip()
    admin_project.git("commit", "--quiet", "--allow-empty", "--message", "A colleague's")
    admin_project.git("push", "--quiet")
    admin_project.git(*state, "--quiet")
    admin_project.git("commit", "--quiet", "--allow-empty", "--message", "Mine")
    check_upstream(admin_project.root, admin_project.context(), needed=True)
    admin_project.git("reset", "--quiet", "--hard", first)
    for needed in (True, False):
        error = refused(admin_project, needed=needed)
        assert isinstance(error, CheckoutBehind)
        assert "git merge origin/main" in error.next


def test_a_remote_that_does_not_answer_is_told_without_an_upstream_too(admin_project: AdminProject) -> None:
    admin_project.git("switch", "--quiet", "--create", "onboard/jane.doe")
    admin_project.upstream.rename(admin_project.upstream.with_name("away.git"))
    assert isinstance(refused(admin_project), UpstreamUnreachable)
    check_upstream(admin_project.root, admin_project.context(), needed=False)


def test_an_upstream_that_only_a_program_of_the_checkout_reaches_is_not_asked(
    admin_project: AdminProject, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    admin_project.git("config", "remote.origin.uploadpack", f"touch {mark};")
    error = refused(admin_project)
    assert isinstance(error, UpstreamUnreachable)
    assert "remote.origin.uploadpack" in error.why
    check_upstream(admin_project.root, admin_project.context(), needed=False)
    assert not mark.exists()


def test_a_folder_without_git_is_not_asked_about(admin_project: AdminProject) -> None:
    (admin_project.root / ".git").rename(admin_project.root.parent / "git-away")
    check_upstream(admin_project.root, admin_project.context(), needed=True)
