"""What a plan was made from, in words for those who approve it elsewhere.

Whoever reads a plan in a pull request has to know whether it is about that pull request: which commit it was
made from, and which of the layer's files differ from it.
"""

from __future__ import annotations

from pathlib import Path

from workflows.core.sentences import Sentence
from workflows.numbers import count
from workflows.services.git import Git
from workflows.services.terraform.record import PlanRecord
from workflows.steps.base import Context

_SHORT = 8
_MOST = 5


def origin_words(record: PlanRecord, context: Context) -> Sentence:
    """The program, the commit and the branch, and what of the plan's sources is in no commit.

    Raises:
        OnboardError: git fails.
    """
    git = Git(context.root, context.world.environment)
    if not record.commit or not git.is_repository():
        return f"Made with {record.binary}."
    where = f" on the branch {record.branch}" if record.branch else ""
    words = f"Made with {record.binary} from commit {record.commit[:_SHORT]}{where}."
    layer, sources = record.layer.resolve(), {Path(path).resolve() for path in record.sources}
    dirty = [one.path.resolve() for one in git.dirty_files()]
    own = [path for path in dirty if path in sources or layer in path.parents]
    return f"{words} {_uncommitted(own, git.root().resolve())}" if own else words


def _uncommitted(dirty: list[Path], root: Path) -> Sentence:
    names = [str(path.relative_to(root)) for path in dirty[:_MOST]]
    more = f" and {len(dirty) - _MOST} more" if len(dirty) > _MOST else ""
    files = count(len(dirty), "file that it was made from differs", "files that it was made from differ")
    return f"{files} from that commit: {', '.join(names)}{more}."
