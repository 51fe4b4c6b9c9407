"""Whether the checkout is current: a plan from one that is behind would destroy colleagues' work."""

from __future__ import annotations

from pathlib import Path

from workflows.core.sentences import OnboardError, count, joined, listed
from workflows.git import Git, Upstream
from workflows.steps.shared.module import Context


class CheckoutBehind(OnboardError):  # noqa: N818 - it reads better where it is raised
    """The checkout is behind its upstream."""


class UpstreamUnreachable(OnboardError):  # noqa: N818 - it reads better where it is raised
    """The checkout may be behind; the person may decide to continue anyway."""


def check_upstream(root: Path, context: Context, *, needed: bool) -> None:
    """Refuse a checkout that is behind its upstream; later steps check again before they plan.

    A branch without an upstream uses the remote's default branch. Without any remote nothing is known, and
    nothing stops.

    Args:
        root: the project's folder.
        needed: whether an unreachable upstream stops it too.

    Raises:
        UpstreamUnreachable: it can't be reached, and is needed.
        OnboardError: the checkout is behind.
    """
    git = Git(root, context.environment.variables)
    if not git.is_repository():
        return
    upstream = git.upstream(fetch=True, cancelled=context.cancelled)
    context.raise_if_cancelled()
    if upstream.distrusted and needed:
        raise UpstreamUnreachable(
            "iam-onboard didn't ask the upstream",
            f"iam-onboard didn't ask {upstream.name} whether this checkout is current.",
            why=(
                f"The checkout's own git settings name a program for it ({listed(upstream.distrusted, 3)}). "
                "A checkout comes from others, so only programs that your own settings name are run."
            ),
            next=(
                "If you trust it, put the same into your own settings with `git config --global`. Or "
                "run `git fetch` yourself, and tick the box below the accounts."
            ),
        )
    if upstream.why_not_fetched and needed:
        raise UpstreamUnreachable(
            "The upstream doesn't answer",
            f"{upstream.name} couldn't say whether this checkout is current.",
            why="A plan from a checkout that is behind would destroy what colleagues have added since.",
            next="Try again with the network, or tick the box below the accounts to continue without asking.",
            detail=upstream.why_not_fetched,
        )
    if upstream.behind:
        raise CheckoutBehind(
            "This checkout is behind",
            f"{upstream.name} has {count(upstream.behind, 'commit')} that you don't have yet.",
            why="A plan from here would destroy what colleagues have added since.",
            next=way_to_catch_up(upstream, git),
        )


def way_to_catch_up(upstream: Upstream, git: Git) -> str:
    """Return the command that brings a checkout up to date.

    A plain pull fails if both sides have commits, or both changed a file.
    """
    dirty = any(not file.untracked for file in git.dirty_files())
    words = (
        "git merge" if upstream.is_default else "git pull",
        "--rebase" if not upstream.is_default and (dirty or upstream.ahead) else "",
        "--autostash" if dirty else "",
        upstream.name if upstream.is_default else "",
    )
    conflicts = " Where git reports a conflict, keep both sides' lines." if dirty or upstream.ahead else ""
    return f"Run `{joined(words)}` in the project, then try again.{conflicts}"
