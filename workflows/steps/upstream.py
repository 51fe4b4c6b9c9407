"""Whether the checkout has what colleagues have added since: a plan from an older one would destroy it."""

from __future__ import annotations

from workflows.core.errors import OnboardError
from workflows.layer.project import Project
from workflows.numbers import count
from workflows.services.git import Git, Upstream
from workflows.steps.base import Context


class UpstreamUnreachable(OnboardError):  # noqa: N818 - it reads better where it is raised
    """It cannot be told whether the checkout is current; a person may decide to go on all the same."""


def check_upstream(project: Project, context: Context, *, needed: bool) -> None:
    """Refuse a checkout that is behind its upstream; later steps ask again before they plan.

    Where the branch has no upstream, the remote's default branch takes its place. Without any remote nothing
    can be told, and nothing is refused.

    Args:
        project: the project.
        context: what the step may read.
        needed: whether an upstream that cannot be reached is refused too.

    Raises:
        UpstreamUnreachable: it cannot be reached, and is needed.
        OnboardError: the checkout is behind.
    """
    git = Git(project.root, context.world.environment)
    if not git.is_repository():
        return
    upstream = git.upstream(fetch=True, cancelled=context.cancelled)
    context.raise_if_cancelled()
    if upstream.why_not_fetched and needed:
        raise UpstreamUnreachable(
            "The upstream does not answer",
            f"{upstream.name} could not be asked whether this checkout is current.",
            why="A plan from a checkout that is behind would destroy what colleagues have added since.",
            next="Try again with the network, or mark the box below the layers to go on without asking.",
            detail=upstream.why_not_fetched,
        )
    if upstream.behind:
        dirty = any(not file.untracked for file in git.dirty_files())
        raise OnboardError(
            "This checkout is behind",
            f"{upstream.name} has {count(upstream.behind, 'commit')} not here yet.",
            why="A plan from here would destroy what colleagues have added since.",
            next=_way_to_catch_up(upstream, dirty=dirty),
        )


def _way_to_catch_up(upstream: Upstream, *, dirty: bool) -> str:
    """The command that brings a checkout up to its upstream.

    A plain pull refuses where both sides have commits, and where both changed a file.
    """
    words = ["git merge" if upstream.is_default else "git pull"]
    words += ["--rebase"] if not upstream.is_default and (dirty or upstream.ahead) else []
    words += ["--autostash"] if dirty else []
    words += [upstream.name] if upstream.is_default else []
    conflicts = " Where git tells of a conflict, keep both sides' lines." if dirty or upstream.ahead else ""
    return f"Run `{' '.join(words)}` in the project, then try again.{conflicts}"
