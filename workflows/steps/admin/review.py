"""The review: one unified diff of all layers, shown in full before a byte is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from workflows.core.files import load_file
from workflows.core.grouping import by_key
from workflows.core.processes import child_environment
from workflows.core.sentences import OnboardError, Problem, Sentence, count, joined, listed
from workflows.git import DirtyFile, Git
from workflows.hcl.parsing import MAX_HCL
from workflows.layer.discover import find_project
from workflows.layer.edit.groups import SetGroups
from workflows.layer.edit.key_files import RenameKeyFile, ReplaceKey
from workflows.layer.edit.operation import Operation
from workflows.layer.edit.people import AddPerson, RemovePerson, SetAccess
from workflows.layer.edit.run import Edit, changes_of, edit
from workflows.layer.formatting import fmt_clean
from workflows.layer.model import Layer
from workflows.layer.names import is_machine_name
from workflows.layer.read.findings import dangling_members, mfa_denials, missing_keys
from workflows.layer.read.layer import read_layer
from workflows.layer.write import ChangedMeanwhile, ChangeSet, FileChange
from workflows.machine.events import AGREES, Choice, Facts, Observation, Verdict
from workflows.steps.admin import state_now
from workflows.steps.admin.edits import (
    operations,
    other_keys,
    read_layers,
    refuse_unusable_keys,
    with_keys_in_place,
)
from workflows.steps.admin.layer_program import layer_binary
from workflows.steps.admin.other_sessions import (
    RemovedFromFiles,
    keys_of_later_sessions,
    not_applied,
    removed_from_files,
    written_since,
)
from workflows.steps.admin.own_user import refuse_own_user_early
from workflows.steps.admin.state_now import reverted_since
from workflows.steps.admin.upstream import check_upstream
from workflows.steps.admin.written import (
    files_left,
    files_written,
    finish_half_written,
    journal_of,
    last_digest,
    net_changes,
    to_undo,
)
from workflows.steps.decisions import Decisions
from workflows.steps.kinds import phrased, within
from workflows.steps.shared.by_hand import refused_by_hand
from workflows.steps.shared.module import Context, Progress, Report
from workflows.steps.shared.paths import save_text
from workflows.terraform.binary import BinaryMissing
from workflows.terraform.record import file_sha256, is_source

_VERBS = {
    "add": "Add",
    "remove": "Remove",
    "access": "Change the access of",
    "key_files": "Rename the key file of",
}
"""The phrase for each kind of user change in a commit's message."""
_SUBJECT = 72
"""The maximum length of a commit's subject; git's lists cut off the rest."""
_NAMED = 3
"""How many files a sentence names."""
_SUPERSEDED = "Leaves the files as that session wrote them. Archive this session on Home (a) if it is over."
_CONTINUING = (
    "Plans from the files as they are now, without the missing changes. Plan stops if nothing else changes."
)
_OF_USERS = (ReplaceKey, RenameKeyFile, SetAccess, SetGroups)
"""Operations on existing users."""
_OF_PEOPLE = (AddPerson, RemovePerson, *_OF_USERS)
_NOTED = frozenset({"name", "outputs"})
"""Fields of an operation whose warnings no other step has shown."""


@dataclass(frozen=True)
class Request:
    """The person's decisions.

    Attributes:
        shown: what the page showed, and nothing else is written; None before it showed anything.
        branch: a new branch to create, or "" to stay on the current one.
        commit: whether to commit the files.
        message: the subject of the commit, whose body lists the changes.
        others: files from `Beside.others` to include in the commit.
    """

    shown: ChangeSet | None
    branch: str = ""
    commit: bool = False
    message: str = ""
    others: tuple[Path, ...] = ()


class OtherFile(NamedTuple):
    """An uncommitted file of a layer that the review doesn't write.

    Attributes:
        path: the file, absolute.
        account: the layer's.
        name: the file relative to the layer's folder.
    """

    path: Path
    account: str
    name: str


@dataclass(frozen=True)
class Beside:
    """Everything in the checkout beside the diff that affects a commit.

    Attributes:
        lines: uncommitted lines that aren't this session's, by file; a commit includes them.
        others: other uncommitted files of the same layers; without them a plan of the commit alone may fail.
        written: files that this session wrote, sorted.
        deleted: those of them that no longer exist.
        undone: how many files `undo` would put back.
        in_git: whether git has all written files as they are.
        ignored: files of this session that git ignores; a commit includes them, but `git add` wouldn't.
        gone_since: people whom later sessions removed from the files, and how.
        consequence: what writing the diff does for them.
        branch: the current branch, or "".
    """

    lines: Mapping[Path, int] = field(default_factory=dict)
    others: tuple[OtherFile, ...] = ()
    written: tuple[Path, ...] = ()
    deleted: frozenset[Path] = frozenset()
    undone: int = 0
    in_git: bool = False
    ignored: tuple[Path, ...] = ()
    gone_since: Sentence = ""
    consequence: Sentence = ""
    branch: str = ""


class Prepared(NamedTuple):
    """The diff to write, with remarks.

    Attributes:
        change_set: the diff.
        notes: what it doesn't show by itself.
    """

    change_set: ChangeSet
    notes: tuple[Sentence, ...]


def prepare(context: Context, report: Report) -> Prepared:
    """Compute the diff from the files on disk, after finishing writes that a crash cut off.

    Raises:
        OwnUser: it would remove the user whose key iam-onboard uses.
        OnboardError: a layer can't be edited that way, or a file would lose its formatting.
    """
    change_set, edits = _edited(context, report)
    report(Progress("Checking the format"))
    unchecked = _check_format(change_set, context)
    refuse_own_user_early(context)
    return Prepared(change_set, (*_notes(edits, context), *unchecked))


def beside(change_set: ChangeSet, context: Context) -> Beside:
    """Return what a commit would include or leave out beside the diff.

    Raises:
        OnboardError: git or a layer can't be read.
    """
    git = Git(context.root, context.environment.variables)
    written = sorted(Path(path) for _, path in files_left(context.folder))
    removed = removed_from_files(context)
    found = Beside(
        gone_since=removed.words,
        consequence=_consequence(context.decisions, removed),
        written=tuple(written),
        deleted=frozenset(path for path in written if not path.exists()),
        undone=len(to_undo(context.folder, context.every).changes),
    )
    if not git.is_repository():
        return found
    afterwards = {str(change.path): change for change in change_set.changes}
    own = net_changes(context.folder)
    own |= {path: change.after_another(own.get(path)) for path, change in afterwards.items()}
    committed = {*written, *map(Path, own)}
    layers = [
        read_layer(location)
        for location in find_project(context.root).layers
        if any(path.is_relative_to(location.path) for path in committed)
    ]
    dirty = git.dirty_files([*(layer.location.path for layer in layers), *written]) if committed else ()
    uncommitted = {file.path.resolve() for file in dirty}
    lines = {
        change.path: _lines_of_others(
            change, change.after if path in afterwards else _content(change.path), git
        )
        for path, change in sorted(own.items())
        if change.path.resolve() in uncommitted
    }
    stay = [path for path in sorted(committed) if _stays(path, own.get(str(path)))]
    return replace(
        found,
        branch=git.branch() or "",
        lines={path: number for path, number in lines.items() if number},
        others=tuple(_others(layers, dirty, {path.resolve() for path in committed})),
        in_git=bool(written) and not git.uncommitted(written),
        ignored=tuple(filter(git.is_ignored, stay)),
    )


def _stays(path: Path, change: FileChange | None) -> bool:
    return path.exists() if change is None else change.after is not None


def _others(layers: Iterable[Layer], dirty: Iterable[DirtyFile], but: Container[Path]) -> Iterator[OtherFile]:
    """Yield the uncommitted files, except `but`, that plans of the layers are made from.

    Untracked files count only if Terraform surely reads them. A key file that replaces a committed one
    doesn't count: no line needs it, and a commit would vouch for a key that the session didn't take in.
    """
    for layer in layers:
        folder = layer.location.path.resolve()
        keys = {folder / person.key_file for person in layer.people if person.key_file}
        for file in dirty:
            path = file.path.resolve()
            replaced = path in keys and not file.status.strip(" M")
            if path in but or replaced or not path.is_relative_to(folder):
                continue
            known = not file.untracked or path in keys or path.name.endswith((".tf", ".tf.json"))
            name = path.relative_to(folder)
            if known and all(map(is_source, name.parts)):
                yield OtherFile(file.path, layer.location.account, name.as_posix())


def _lines_of_others(change: FileChange, content: bytes | None, git: Git) -> int:
    """Count the lines in a commit of a file with this content that aren't from this session."""
    whole = replace(change, before=git.committed(change.path), after=content)
    found, own = (
        Counter(line.text for line in changed.lines if line.mark in "+-") for changed in (whole, change)
    )
    return (found - own).total()


def _edited(context: Context, report: Report) -> tuple[ChangeSet, list[Edit]]:
    """Return the diff, as `prepare`, and the edits behind it, without checking the format."""
    journal_of(context.folder).finish()
    if finished := finish_half_written(context.folder.parent.parent, context.root):
        report(Progress(finished))
    refuse_unusable_keys(context)
    report(Progress("Reading the layers"))
    changes, edits = list[FileChange](), list[Edit]()
    layers = read_layers(context)
    removed = removed_from_files(context, layers)
    for layer in layers.values():
        context.raise_if_cancelled()
        report(Progress(f"Editing {layer.location.relative} in memory"))
        with refused_by_hand(layer, "Go back and undo that"):
            edits.append(edit(layer, _wanted(layer, context.decisions, removed)))
            changes += changes_of(edits[-1], _new_passwords(layer, context.decisions))
    return ChangeSet(tuple(changes)), edits


def _notes(edits: Iterable[Edit], context: Context) -> Iterator[Sentence]:
    """Yield what the diff doesn't show: what people take over from others, and what is left behind.

    If somebody gets a password, a policy that stops new users from choosing their own is noted, too.
    """
    yield from (*context.decisions.not_compared_sentences(), *not_applied(context))
    for made in edits:
        layer = made.before
        account = layer.location.account
        yield from (f"{account}: {problem.message}" for problem in made.warnings if problem.field in _NOTED)
        missing = missing_keys(made.after.files, made.after.people)
        yield from (f"{account}: {finding.message}" for finding in missing)
        yield from (
            f"{account}: {finding.message} Remove it at {finding.place}: until then, Terraform can't plan."
            for finding in dangling_members(made.after)
        )
        about_groups = (*made.emptied_sentences, *made.alone_sentences, *made.administrator_sentences)
        for words in (*made.left_sentences, *about_groups):
            yield f"{account}: {words}"
        if people := _new_passwords(layer, context.decisions):
            yield from (
                f"{account}: {place} denies iam:ChangePassword without MFA, so the first sign-in of "
                f"{', '.join(people)} would fail. Add iam:ChangePassword to its exceptions."
                for place in mfa_denials(layer.files)
            )


def undoable(context: Context, report: Report) -> ChangeSet:
    """Return the diff of `to_undo`, if nothing speaks against it.

    Raises:
        ChangedMeanwhile: a file changed since, by a later session or otherwise.
        OnboardError: a state already has the changes.
    """
    journal_of(context.folder).finish()
    change_set = to_undo(context.folder, context.every)
    if changed := [change.path for change in change_set.changes if change.standing() == "other"]:
        by = _written_since(changed, context)
        whose = f"A later session of yours ({'; '.join(by)})" if by else "Somebody or something"
        raise ChangedMeanwhile(
            "A file has changed meanwhile",
            f"{whose} changed {_named(changed, context)} after this session wrote it.",
            next="Nothing was put back. Put that session's files back first."
            if by
            else "Nothing was put back. Undo this session's part by hand or with git.",
        )
    report(Progress("Checking whether it was applied elsewhere"))
    for account in context.decisions.layers:
        if _is_applied(replace(context, item=account)):
            raise OnboardError(
                "It was applied",
                f"The state of {account} has what you decided, so AWS has it too.",
                next="Undo it with a new session on Home.",
            )
    return change_set


def undo(context: Context, report: Report) -> ChangeSet:
    """Put the files from `undoable` back; commits that contain them stay.

    Raises:
        OnboardError: as `undoable`, or a file can't be written and all are left as they were.
    """
    change_set = undoable(context, report)
    report(Progress("Putting the files back"))
    journal_of(context.folder).write(change_set)
    return change_set


def uncommitted_on(undone: ChangeSet, context: Context) -> str:
    """Return the branch whose last commit still has the undone changes; "" if none, or git fails."""
    git = Git(context.root, context.environment.variables)
    with suppress(OnboardError):  # only a remark on what was done
        if any(git.committed(change.path) == change.before for change in undone.changes):
            return git.branch() or ""
    return ""


def _is_applied(context: Context) -> bool:
    """Return whether the state of the step's layer holds the decisions about people, read without a code."""
    here = context.decisions.of(context.item)
    if not (here.add or here.remove or here.new_keys or here.access or any(here.moves.values())):
        return False  # the state says nothing about the rest
    try:
        return state_now.seen(context).verdict is Verdict.AS_DECIDED
    except (OnboardError, OSError):
        return False


def _wanted(layer: Layer, decisions: Decisions, removed: RemovedFromFiles) -> list[Operation]:
    """Return the operations that bring a layer to the decisions, without changes to users who are gone."""
    gone = removed.by_item.get(layer.location.account, ())
    return [
        operation
        for operation in operations(layer, decisions)
        if not (isinstance(operation, _OF_USERS) and operation.name in gone)
    ]


def _consequence(decisions: Decisions, removed: RemovedFromFiles) -> Sentence:
    """Describe what writing does for people whom later sessions removed; "" if there are none."""
    gone = by_key((name, account) for account, names in removed.by_item.items() for name in names)
    back = [name for name in gone if any(name in decisions.of(account).add for account in gone[name])]
    rest = by_key((listed(accounts, _NAMED), name) for name, accounts in gone.items() if name not in back)
    return joined(
        (
            f"Writing adds {listed(back, _NAMED)} again." if back else "",
            *(f"Nothing is written for {listed(names, _NAMED)} in {where}." for where, names in rest.items()),
        )
    )


def _new_passwords(layer: Layer, decisions: Decisions) -> list[str]:
    """Return people who get a password: joiners, resets, new keys, and passwords switched on."""
    here = decisions.of(layer.location.account)
    given = (name for name, switches in here.access.items() if switches.get("login_profile"))
    wanted = dict.fromkeys((*here.add, *decisions.rekeying, *decisions.resetting, *given))
    people = ((name, layer.person(name)) for name in wanted)
    return [name for name, person in people if not (person.machine if person else is_machine_name(name))]


def save(target: str, text: str, context: Context) -> Sentence:
    """Write the diff to a file of the person's choice, and report where.

    Args:
        target: the path as typed, relative to the home folder unless absolute.
        text: the unified diff.

    Raises:
        OnboardError: the file already exists, or can't be written.
    """
    shown = save_text(
        target,
        text,
        context.environment.home,
        mode=0o644,
    )
    return f"Saved as {shown}."


def proposed_message(context: Context) -> str:
    """Propose a commit subject: what changes for whom and where, short enough for git's lists.

    Accounts are counted instead of named if they leave no room for the changes.
    """
    decisions = context.decisions
    changed = _changed(decisions)
    found = (account for people in changed.values() for names in people.values() for account in names)
    where = list(dict.fromkeys(found)) or decisions.layers
    works = {verb: [*filter(None, people)] for verb, people in changed.items()} or {"Change groups": []}
    places = (f" ({listed(where, _NAMED)})", f" ({count(len(where), 'account')})")
    room = _SUBJECT - len(phrased(works, 1, changes=True))
    place = next((place for place in places if len(place) <= room), places[-1])
    return f"{within(works, _SUBJECT - len(place), changes=True)}{place}"


def message_body(subject: str, context: Context) -> str:
    """Return a line for each change, for below the subject; "" if the subject says it all."""
    changes = [
        (f"{verb} {name}".rstrip(), accounts)
        for verb, people in _changed(context.decisions).items()
        for name, accounts in people.items()
    ]
    if all(f"{what} ({', '.join(accounts)})" in subject for what, accounts in changes):
        return ""
    return "\n".join(f"- {what} in {' and '.join(accounts)}" for what, accounts in changes)


def _changed(decisions: Decisions) -> dict[str, dict[str, list[str]]]:
    """Return the accounts of each change, by verb and person; "" stands for an account's own changes."""
    found: dict[str, dict[str, list[str]]] = {}
    for account in decisions.layers:
        here = decisions.of(account)
        keys = {name: decisions.keys.get(name) for name in decisions.rekeying}
        rekeyed = [name for name, key in keys.items() if key is None or account in key.resets]
        works: Mapping[str, Iterable[str]] = {
            **{verb: getattr(here, kind) for kind, verb in _VERBS.items()},
            "Replace the PGP key of": rekeyed,
            "Change the groups of": [
                name for name, move in here.moves.items() if move and name not in here.add
            ],
            "Change groups": [""] if here.groups.remade or here.groups.policies else [],
            "Change account settings": [""] if here.settings else [],
        }
        for verb, names in works.items():
            for name in names:
                found.setdefault(verb, {}).setdefault(name, []).append(account)
    return found


def validate(request: Request, _context: Context) -> list[Problem]:
    """Require a shown diff, a message for a commit, and a commit for a branch."""
    rules = (
        (request.shown is None, "Wait until you see the difference.", ""),
        (request.commit and not request.message.strip(), "A commit needs a message.", "message"),
        (
            request.branch and not request.commit,
            "A branch needs a commit: select “Commit these files too”.",
            "commit",
        ),
    )
    return [Problem(words, field) for broken, words, field in rules if broken]


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Create the chosen branch, write exactly the shown diff, then commit it if chosen.

    If only the commit failed, a repeat makes just the commit.

    Raises:
        OnboardError: the files changed since they were shown, the checkout is behind its upstream, the files
            couldn't be written, or git failed.
    """
    # What was shown has passed the format check already.
    change_set, _ = _edited(context, report)
    shown = request.shown or ChangeSet(())
    done_before = change_set.is_empty and last_digest(context.folder) == shown.digest
    if change_set.digest != shown.digest and not done_before:
        raise OnboardError(
            "Something has changed meanwhile",
            "The files already say what you decided, so there is nothing to write."
            if change_set.is_empty
            else f"iam-onboard would now write something other than what you saw in "
            f"{_named(change_set.differing(shown), context)}.",
            why="A file of the layers has changed since you opened this step.",
            next="Nothing was written. The page shows how the files are now.",
        )
    if not change_set.is_empty:
        report(Progress("Asking the checkout's upstream"))
        check_upstream(context.root, context, needed=False)
    git = _repository(request, context) if request.commit else None
    report(Progress("Writing"))
    if not change_set.is_empty:
        journal_of(context.folder).write(change_set)
    files = _changed_files(context)
    paths = [*(Path(file["path"]) for file in files), *request.others]
    message = "\n\n".join(filter(None, (request.message, message_body(request.message, context))))
    return {"changed_files": files, "commit": _commit(git, message, paths) if git else None}


def _changed_files(context: Context) -> list[dict[str, Any]]:
    """Return the files written by this session's reviews, with their hashes, sorted."""
    paths = files_written(context.folder) | {
        (file["layer"], file["path"]) for file in context.facts.get("changed_files") or ()
    }
    accounts = {layer.relative: layer.account for layer in find_project(context.root).layers}
    return [
        {"account": accounts.get(layer, ""), "layer": layer, "path": path, "sha256": file_sha256(Path(path))}
        for layer, path in sorted(paths)
    ]


def _content(path: Path) -> bytes | None:
    return load_file(path, MAX_HCL) if path.exists() else None


def _repository(request: Request, context: Context) -> Git:
    """Return the checkout to commit in, on the chosen branch."""
    git = Git(context.root, context.environment.variables)
    if not git.is_repository():
        raise OnboardError(
            "No git checkout",
            "There is no git checkout to commit the files in. Nothing was written.",
            next="Clear “Commit these files too”, then write again.",
        )
    if request.branch and git.branch() != request.branch:
        try:
            git.create_branch(request.branch)
        except OnboardError as error:
            raise error.about("branch") from None
    return git


def _commit(git: Git, message: str, paths: Sequence[Path]) -> dict[str, Any]:
    changed = git.uncommitted(paths)
    sha = git.commit(changed, message) if changed else git.head()
    return {"branch": git.branch() or "", "sha": sha, "remote": git.remote()}


def _check_format(change_set: ChangeSet, context: Context) -> list[Sentence]:
    """Reject a change that breaks a file's formatting; files never formatted are left alone.

    Returns:
        What couldn't be checked, because the layer's program isn't here.
    """
    project, unchecked = find_project(context.root), list[Sentence]()
    environment = child_environment(context.environment.variables)
    for location in project.layers:
        own = (change for change in change_set.changes if change.layer == location.relative)
        changes = [change for change in own if change.name.endswith(".tf") and change.after is not None]
        if not changes:
            continue
        try:
            binary = layer_binary(project, location, context.environment)
        except BinaryMissing as error:
            unchecked.append(
                f"{location.account}: iam-onboard didn't check the format of its files. {error.what}"
            )
            continue
        unclean = partial(fmt_clean, binary.argv, environment=environment, folder=location.path)
        spoiled = unclean({change.name: change.after or b"" for change in changes})
        already = unclean(
            {change.name: change.before for change in changes if change.name in spoiled and change.before}
        )
        if names := [name for name in spoiled if name not in already]:
            raise OnboardError(
                "Not formatted",
                f"`{binary.product.program} fmt` would still change {', '.join(names)}.",
                why=f"This is in the layer {location.relative}.",
                next="Nothing was written. Make this change by hand, and report it with the lines below.",
                detail="\n".join(spoiled[name] for name in names),
            )
    return unchecked


def observe(context: Context) -> Observation:
    """Check that the layers still hold the decisions; other changes in a file don't matter."""
    written = {Path(file["path"]): file["sha256"] for file in context.facts["changed_files"]}
    lacking = {path: sha256 for path, sha256 in written.items() if file_sha256(path) != sha256}
    if not lacking:
        return replace(AGREES, by_item=removed_from_files(context).by_item)
    layers, theirs = read_layers(context), keys_of_later_sessions(context)  # PGP keys reports on these
    decided = {
        account: with_keys_in_place(layer, context.decisions, theirs) for account, layer in layers.items()
    }
    open_in = {
        account: wanted
        for account, layer in layers.items()
        if (wanted := operations(layer, decided[account]))
    }
    if not open_in:
        return AGREES
    if reverted := reverted_since(context):
        return reverted
    removed = removed_from_files(context, layers)
    if _is_only_for_gone(open_in, removed, context):
        return Observation(Verdict.REVERTED, removed.words, by_item=removed.by_item)
    if by := _written_since(lacking, context):
        files = count(len(lacking), "file")
        words = f"A later session of yours ({'; '.join(by)}) has changed {files} of this one since."
        undoes = any(
            account not in context.of_each_item("applied") and _wanted(layer, decided[account], removed)
            for account, layer in layers.items()
        )
        return Observation(
            Verdict.CHANGED if undoes else Verdict.REVERTED,
            joined((removed.words, words)),
            (*sorted(open_in), *by),
            _SUPERSEDED,
            redoing=_consequence(context.decisions, removed),
            likely=Choice.CONTINUE,
            by_item=_concerned(open_in) if undoes else removed.by_item,
        )
    names, git = _named(lacking, context), Git(context.root, context.environment.variables)
    where = git.whereabouts(lacking) if git.is_repository() else ()
    about = (*sorted(open_in), *where, *(f"{path}={file_sha256(path)}" for path in sorted(lacking)))
    continuing = "" if _stops_plans(open_in, layers, theirs, context) else _CONTINUING
    if where:
        words = f"What Review wrote is gone from {names}; git still has it in {' and '.join(where)}."
        return Observation(Verdict.UNDONE, words, about, continuing, by_item=_concerned(open_in))
    words = f"{names} changed: the files of {' and '.join(open_in)} differ from what you decided."
    return Observation(Verdict.CHANGED, words, about, continuing, by_item=_concerned(open_in))


def _stops_plans(
    open_in: Mapping[str, Iterable[Operation]],
    layers: Mapping[str, Layer],
    known: Container[tuple[str, str]],
    context: Context,
) -> bool:
    """Return whether `plan.make` stops in a layer: somebody is missing or still there, or has another key."""
    ahead = [account for account in open_in if account not in context.of_each_item("applied")]
    people = any(isinstance(each, AddPerson | RemovePerson) for account in ahead for each in open_in[account])
    keys = (each for at in ahead for each in other_keys(layers[at], context.decisions, written=True))
    return people or any(key.known_by not in known for key in keys)


def _concerned(wanted: Mapping[str, Iterable[Operation]]) -> Mapping[str, tuple[str, ...]]:
    """Return the people whom operations are about, by account."""
    return {
        account: tuple(sorted({each.name for each in operations_here if isinstance(each, _OF_PEOPLE)}))
        for account, operations_here in wanted.items()
    }


def _is_only_for_gone(
    wanted: Mapping[str, Iterable[Operation]], removed: RemovedFromFiles, context: Context
) -> bool:
    """Return whether all operations are for people whom later sessions removed after the apply."""
    return all(
        account in context.of_each_item("applied")
        and isinstance(operation, (AddPerson, *_OF_USERS))
        and operation.name in removed.by_item.get(account, ())
        for account, operations_here in wanted.items()
        for operation in operations_here
    )


def _named(paths: Iterable[Path], context: Context) -> str:
    """List files by their project paths, since layers share file names."""
    return listed(sorted(str(path.relative_to(context.root)) for path in paths), _NAMED)


def _written_since(paths: Iterable[Path], context: Context) -> list[str]:
    """Return the later sessions that wrote all of these files as they are now, by their work; else none."""
    wanted = {*map(str, paths)}
    found = written_since(wanted, context)
    return [*dict.fromkeys(found.values())] if found.keys() == wanted else []
