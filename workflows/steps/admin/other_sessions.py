"""How this session and other sessions of the same project affect each other."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from workflows.core.files import FileError
from workflows.core.grouping import by_key
from workflows.core.sentences import OnboardError, Sentence, count, day, enumerated, joined, listed
from workflows.core.shapes import WrongShape, moment, texts
from workflows.git import Git
from workflows.layer.model import Layer
from workflows.machine.drafts import Drafts
from workflows.machine.events import Observation, StepKey, Verdict
from workflows.machine.sessions import is_archived
from workflows.machine.summaries import DRAFTS, Summary, kept_summary
from workflows.steps.admin.edits import read_layers
from workflows.steps.admin.written import holds_files, net_changes, offered_undo, written_at
from workflows.steps.decisions import Comparison, DecidedKey, Decisions
from workflows.steps.kinds import EDITING, work_of
from workflows.steps.ledger import (
    AppliedChange,
    Ledger,
    Part,
    accounts_of,
    decided_accounts,
    left_out_of,
    siblings,
    to_hand_over,
)
from workflows.steps.shared.module import Context

_MOST = 3
_KEPT = StepKey("answers")
"""The draft, of no step, with answers about keys that the session didn't accept."""


def not_applied(context: Context) -> Iterator[Sentence]:
    """Yield a sentence for the other sessions' unapplied edits, and one for their unwritten edits."""
    written, begun = dict[str, set[str]](), dict[str, set[str]]()
    ledger, _own = ledger_with(context)
    for session in _editing(context):
        if ledger.finished_by(session):
            continue
        folder = _sessions(context) / session.id
        found = written if holds_files(folder, session.facts) else begun
        if found is begun and is_archived(folder):
            continue
        accounts = {*context.decisions.layers} & _accounts(session)
        if found is written:
            accounts = {account for account in accounts if not ledger.applied_for(session, account)}
        if accounts:
            found.setdefault(work_of(session), set()).update(accounts)
    for lacking, sessions in (("Not applied", written), ("Not written", begun)):
        if sessions:
            theirs = set[str]().union(*sessions.values())
            where = listed([name for name in context.decisions.layers if name in theirs], 2)
            yield f"{lacking} yet in {where}, by other sessions: {_first_two(sessions)}."


def sessions_that_can_undo(context: Context) -> dict[str, bool]:
    """Return the other sessions that can put back their files of the step's account, by what they do.

    The value says whether this session wrote over those files and has to put back its own first.
    """
    own = {change.path: change.after for change in offered_undo(context.folder, context.every)}
    found: dict[str, bool] = {}
    for session in _editing(context):
        accounts = {file.get("account") for file in session.facts.get("changed_files") or ()}
        changes = offered_undo(_sessions(context) / session.id, session.settled)
        over = [change for change in changes if change.standing() != "before"]
        if context.item in accounts and changes and all(own.get(file.path) == file.before for file in over):
            found[work_of(session)] = bool(over)
    return found


def _editing(context: Context) -> Iterator[Summary]:
    """Yield the other unfinished sessions that edit files of the same project."""
    for session in _others(context):
        if session.next_step and any(session.facts.get(kind) for kind in EDITING):
            yield session


def _others(context: Context) -> Iterator[Summary]:
    """Yield the other sessions of the same project."""
    root, found = context.facts.get("project_root"), siblings(context.folder, _sessions(context))
    return (each for each in found if each.facts.get("project_root") == root)


def _sessions(context: Context) -> Path:
    return context.sessions or context.folder.parent


def _first_two(sessions: Mapping[str, object]) -> Sentence:
    """List the first two sessions by what they do, and count the others."""
    more = len(sessions) - 2
    return "; ".join([*list(sessions)[:2], *([count(more, "other session")] if more > 0 else [])])


def _accounts(session: Summary) -> set[str]:
    """Return the accounts whose layers a session is about to change; all until it has decided."""
    try:
        decisions = Decisions.from_facts(session.facts)
    except WrongShape:
        return set()  # the damaged session's own page reports it
    undecided = "changed_files" not in session.facts
    return {
        account
        for account in decisions.layers
        if f"apply@{account}" not in session.settled and (undecided or decisions.of(account).changes)
    }


def ledger_with(context: Context) -> tuple[Ledger, Summary]:
    """Return the ledger of the project's sessions, and this session in it; empty if nothing is settled in it.

    This session is in it as it is now, since its own later applies can outdate another session's.
    """
    folder = context.folder
    own = kept_summary(folder, of_old=True)
    if own is None:
        return Ledger((), lambda _session: False), Summary(folder.name)
    applied = context.of_each_item("applied")
    settled = {f"apply@{account}": str(fact.get("at", "")) for account, fact in applied.items()}
    gave = {f"apply@{account}": {"applied": fact} for account, fact in applied.items()}
    own = replace(own, facts=context.facts, settled={**own.settled, **settled}, gave={**own.gave, **gave})
    return Ledger(
        (own, *_others(context)), lambda each: holds_files(_sessions(context) / each.id, each.facts)
    ), own


def applied_accounts(context: Context) -> set[str]:
    """Return the accounts in which this session or another one applied what this one wrote."""
    ledger, own = ledger_with(context)
    others = {account for account in context.decisions.layers if ledger.applied_for(own, account)}
    return others.union(context.of_each_item("applied"))


class AlreadyThere(OnboardError):  # noqa: N818 - the name says the state
    """Somebody who is to join is in every account already."""

    step = "project"


def not_added(joining: Iterable[str], accounts: Iterable[str], context: Context) -> list[str]:
    """Return the people who join and whom this session adds to none of the accounts yet."""
    added = {name for account in accounts for name in context.decisions.users.of(account).add}
    return [name for name in joining if name not in added]


def refuse_who_is_there(joining: Iterable[str], layers: Mapping[str, Layer], context: Context) -> None:
    """Stop if somebody who joins is in every layer already, but not because this session adds them.

    Raises:
        AlreadyThere: somebody is.
    """
    for name in not_added(joining, layers, context):
        if all(layer.person(name) for layer in layers.values()):
            works = listed([work_of(each) for each in _others(context) if _has_added(each, name, context)], 2)
            raise AlreadyThere(
                "Already there",
                f"{name} is already in {enumerated([*layers])}"
                f"{f', added by another session ({works})' if works else ''}.",
                next="Take the name out of “Who joins?”, or move it to “Whose access?” or "
                "“Whose PGP key?” (^o).",
            ).about("joining")


def _has_added(session: Summary, name: str, context: Context) -> bool:
    """Return whether files hold a person whom a session added."""
    with suppress(WrongShape):  # the damaged session's own page reports it
        added = Decisions.from_facts(session.facts).users.people("add")
        return name in added and holds_files(_sessions(context) / session.id, session.facts)
    return False


def replaced_before_sent(passwords: Collection[str], context: Context) -> Iterator[Sentence]:
    """Yield a sentence for each session whose unsent or planned passwords another one is about to replace.

    Args:
        passwords: people who get the other password, in the step's account.
    """
    ledger, own = ledger_with(context)
    made = ((ledger.passwords.get((context.item, name)), name) for name in passwords)
    unsent = by_key(
        (work_of(by), name)
        for by, name in made
        if by and by is not own and (context.item, name) in to_hand_over(by)
    )
    for work, names in unsent.items():
        yield f"{listed(names, _MOST)}: this replaces the new password from another session ({work})."
    others = (by for by in ledger.sessions if by is not own)
    kept = (by for by in others if not is_archived(_sessions(context) / by.id))
    ahead = by_key(
        (work_of(by), name)
        for by in kept
        for name in _to_reset(by, context.item, written=ledger.holds_files(by))
    )
    for work, names in ahead.items():
        if both := [name for name in names if name in passwords]:
            yield f"{listed(both, _MOST)}: another session will reset the password, too ({work})."


def _to_reset(session: Summary, account: str, *, written: bool) -> Iterator[str]:
    """Yield the people whose password a session is to reset in an account, and hasn't yet.

    A key that it has written is part of everybody's plan.
    """
    if session.next_step and f"apply@{account}" not in session.settled:
        kinds = ("resetting",) if written else ("resetting", "rekeying")
        names = [name for kind in kinds for name in texts(session.facts.get(kind))]
        yield from (name for name, where in accounts_of(names, session.facts).items() if account in where)


def unsent_since(context: Context) -> dict[Part, Summary]:
    """Return the users whose passwords later sessions reset and haven't sent, with the last one."""
    ledger, own = ledger_with(context)
    gone = ledger.removals(own)
    return {
        part: last
        for part, last in ledger.renewed(own, ledger.passwords).items()
        if part[0] in context.decisions.layers and part in to_hand_over(last) and part not in gone
    }


def removals_since(context: Context) -> Observation | None:
    """Return an observation of this session's people whom later sessions removed; None if there are none.

    `about` lists people with no work left anywhere in this session; `by_item` lists all removed people by
    account, even if removed from the files only.

    Raises:
        OnboardError: a layer can't be read.
    """
    (ledger, own), people = ledger_with(context), context.decisions.people
    applied = ledger.removals(own, people)
    # people admitted by this session's apply can sign in until the removal is applied
    waiting = {
        (account, name): last
        for (account, name), last in ledger.removals(own, people, ledger.written).items()
        if never_admitted(name, account, context) and name not in context.decisions.mfa_reset
    }
    if not (applied or waiting):
        return None
    layers = read_layers(context)
    found = applied | _lacking({part: last for part, last in waiting.items() if part not in applied}, layers)
    if not found:
        return None
    names = dict.fromkeys(name for _account, name in found)
    there = {
        (account, name)
        for account, layer in layers.items()
        for name in names
        if layer.person(name) or (account, name) in ledger.ahead
    }
    # where decided, else where they are
    sure = {*context.decisions.joining, *decided_accounts(context.facts)}
    left = {
        name
        for name, accounts in accounts_of(names, context.facts).items()
        for account in accounts
        if (account, name) not in found and (name in sure or (account, name) in there)
    }
    gone = tuple(name for name in names if name not in left)
    return Observation(Verdict.REVERTED, _removal_words(found, applied), gone, by_item=by_account(found))


def never_admitted(name: str, account: str, context: Context) -> bool:
    """Return whether no apply here can have let in a person whom a later session removed from the files."""
    applied: Mapping[str, Any] = context.of_each_item("applied")
    return account not in applied or name in left_out_of(applied[account])


Removals = Mapping[Part, AppliedChange]
"""The last removal of users."""


def _lacking(found: Removals, layers: Mapping[str, Layer]) -> dict[Part, AppliedChange]:
    """Return the removals of people who are missing in the files."""
    return {
        (account, name): last
        for (account, name), last in found.items()
        if account in layers and not layers[account].person(name)
    }


def by_account(found: Iterable[Part]) -> dict[str, tuple[str, ...]]:
    """Return the names of users by account."""
    return {account: tuple(names) for account, names in by_key(found).items()}


def _removal_words(found: Removals, applied: Collection[Part]) -> Sentence:
    """Say who was removed, and separately who was removed from the files only."""
    from_aws = {part: last for part, last in found.items() if part in applied}
    from_files = {part: last for part, last in found.items() if part not in applied}
    return joined((*_removal_sentences("", from_aws), *_removal_sentences("the files of ", from_files)))


def _removal_sentences(what: str, found: Removals) -> Iterator[Sentence]:
    """Yield a sentence for each session's removals; `what` precedes the accounts."""
    by_name = by_key((name, (last, account)) for (account, name), last in found.items())
    names: dict[tuple[Sentence, Sentence, str], list[str]] = {}
    for name, parts in by_name.items():
        last = max((change for change, _ in parts), key=attrgetter("at"))
        on = day(moment(last.at, "at").astimezone())
        accounts = listed([account for _, account in parts], _MOST)
        names.setdefault((accounts, on, work_of(last.by)), []).append(name)
    yet = " that hasn't applied it yet" if what else ""
    for (where, when, work), gone in names.items():
        was = f"{listed(gone, _MOST)} {'was' if len(gone) == 1 else 'were'}"
        yield f"{was} removed from {what}{where} on {when}, by a later session ({work}){yet}."


class RemovedFromFiles(NamedTuple):
    """This session's people whom later sessions removed, so that the files lack them.

    Attributes:
        words: who was removed where, when and by which session; "" if nobody.
        by_item: the removed people, by account.
    """

    words: Sentence
    by_item: Mapping[str, tuple[str, ...]]


def removed_from_files(context: Context, layers: Mapping[str, Layer] | None = None) -> RemovedFromFiles:
    """Return this session's people whom later sessions removed and whom the layers on disk lack.

    Removals that are only written count, too.

    Args:
        layers: the session's layers, if already read.

    Raises:
        OnboardError: a layer can't be read.
    """
    (ledger, own), people = ledger_with(context), context.decisions.people
    applied = ledger.removals(own, people)
    found = ledger.removals(own, people, ledger.written) | applied
    lacking = _lacking(found, layers or read_layers(context)) if found else {}
    return RemovedFromFiles(_removal_words(lacking, applied), by_account(lacking))


def keys_of_later_sessions(context: Context) -> dict[tuple[str, str], str]:
    """Return keys that later sessions accepted and wrote, by (name, fingerprint), with the session's work."""
    found: dict[tuple[str, str], str] = {}
    for session, name, key in _later_keys(context):
        users = (user for reset in key.resets.values() for user in reset.users)
        found |= {(whose, key.fingerprint): work_of(session) for whose in (name, *users)}
    return found


def other_keys_since(
    fingerprints: Mapping[str, str], later: Mapping[tuple[str, str], str]
) -> Iterator[Sentence]:
    """Yield a sentence for each different key that a later session accepted for one of these people.

    Args:
        fingerprints: of their keys in this session, by name.
        later: from `keys_of_later_sessions`.
    """
    for (name, fingerprint), work in later.items():
        if fingerprints.get(name, fingerprint) != fingerprint:
            yield f"A later session added another key for {name} ({work}). Ask which one is lost."


class LeftOpen(NamedTuple):
    """What sessions leave open about a key that they accepted.

    Attributes:
        answer: DIFFERS if one says that the key isn't its owner's; LATER if none has compared it.
        work: what that session does; "" for this session.
        whose: the person about whose key it was said, if that is another one; "" if not.
    """

    answer: Comparison
    work: Sentence
    whose: str = ""


_Answers = dict[tuple[str, str], LeftOpen]
"""The answers about keys, by name and fingerprint."""
_Kept = Mapping[tuple[str, str], tuple[Comparison, str]]
"""Kept answers with their times, by name and fingerprint."""
Decided = Sequence[tuple[Sentence, Decisions, _Kept]]
"""What sessions do, with their decisions and kept answers."""


def left_open_about(keys: Mapping[str, str], context: Context, others: Decided) -> _Answers:
    """Return what other sessions leave open about people's keys.

    For a key that none of them accepted for its owner, that is what any session, this one included, leaves
    open about the same key of somebody else.

    Args:
        keys: the fingerprints, by name.
        others: the result of `decided_elsewhere`.
    """
    elsewhere = _answers(others)
    every = [*elsewhere.items(), *_answers([("", context.decisions, {})]).items()]
    found: _Answers = {}
    for name, fingerprint in keys.items():
        same = [
            left._replace(whose=whose)
            for (whose, key), left in every
            if key == fingerprint and whose != name and _is_open(left)
        ]
        same.sort(key=lambda left: left.answer is not Comparison.DIFFERS)
        left = elsewhere.get((name, fingerprint)) or next(iter(same), None)
        if left and _is_open(left):
            found[name, fingerprint] = left
    return found


def all_answers(context: Context, others: Decided) -> dict[tuple[str, str], Comparison]:
    """Return the answers of all sessions, this one included, about keys, by (name, fingerprint)."""
    every = _answers([*others, ("", context.decisions, {})])
    return {part: left.answer for part, left in every.items()}


def _is_open(left: LeftOpen) -> bool:
    return left.answer is not Comparison.SAME


def answer_about(name: str, fingerprint: str, said: Comparison, context: Context) -> None:
    """Keep an answer about a key that this session didn't accept, beside its facts.

    Raises:
        FileError: it couldn't be written.
    """
    answer = {"said": said, "at": context.environment.now().isoformat()}
    drafts = Drafts(context.folder / DRAFTS)
    drafts.save(_KEPT, {**drafts.load(_KEPT), f"{name} {fingerprint}": answer}, synced=True)


def answers_kept(folder: Path) -> _Kept:
    """Return the kept answers of the session in a folder with their times, by (name, fingerprint).

    Raises:
        FileError: they can't be read, so one of them may reject a key.
    """
    found = {}
    with suppress(ValueError, TypeError, KeyError):
        for part, answer in Drafts(folder / DRAFTS).load(_KEPT).items():
            name, fingerprint = part.split(" ")
            found[name, fingerprint] = Comparison(answer["said"]), str(answer["at"])
    return found


def decided_elsewhere(context: Context) -> Decided:
    """Read what the other sessions decided, and the answers that they and this one kept beside that.

    Raises:
        FileError: an answer can't be read.
    """
    found: list[tuple[Sentence, Decisions, _Kept]] = [("", Decisions(), answers_kept(context.folder))]
    for session in _others(context):
        with suppress(WrongShape):  # its own page reports the damage
            kept = answers_kept(_sessions(context) / session.id)
            found.append((work_of(session), Decisions.from_facts(session.facts), kept))
    return found


def _answers(sessions: Decided) -> _Answers:
    """Return the answer that counts about each key, from what sessions do and decided."""
    answers: dict[tuple[str, str], dict[Comparison | None, Sentence]] = {}
    for work, decisions, kept in sessions:
        for name, key in decisions.keys.items():
            answers.setdefault((name, key.fingerprint), {})[decisions.comparison(name)] = work
        for name, fingerprints in decisions.rejected_keys.items():
            for fingerprint in fingerprints:
                answers.setdefault((name, fingerprint), {})[Comparison.DIFFERS] = work
        for part, (said, _at) in kept.items():
            answers.setdefault(part, {})[said] = work
    found: _Answers = {}
    for part, of_key in answers.items():
        order = (Comparison.DIFFERS, Comparison.SAME, Comparison.LATER)
        if counts := next((said for said in order if said in of_key), None):
            found[part] = LeftOpen(counts, of_key[counts])
    return found


def left_open_sentences(keys: Mapping[tuple[str, str], LeftOpen]) -> Iterator[Sentence]:
    """Yield a sentence for each session that leaves something open about some of these keys."""
    for left, names in by_key((left, name) for (name, _), left in keys.items()).items():
        names_text, by = listed(names, _MOST), f" ({left.work})" if left.work else ""
        if left.whose and left.answer is Comparison.DIFFERS:
            yield f"The PGP key of {names_text} came in {left.whose}'s name, and you said it differs{by}."
            yield f"Ask {names_text} for their own key first."
        elif left.whose:
            yield f"{names_text} has the PGP key of {left.whose}, which nobody has compared yet{by}."
        elif left.answer is Comparison.DIFFERS:
            said = f"The PGP key of {names_text} isn't theirs, as you said{by}."
            yield f"{said} Apply their own key first."
        else:
            yield f"Nobody has compared the PGP fingerprint of {names_text} yet{by}."


def rekeyed_before_apply(context: Context) -> dict[Part, str]:
    """Return people whose key a later session replaced in the files before this session's apply.

    The result maps account and name to that session's work; this session's credentials there are encrypted to
    the replacement.
    """
    applied: Mapping[str, Any] = context.of_each_item("applied")
    own = context.decisions.keys
    if not (applied and own):
        return {}
    return {
        (account, whose): work_of(session)
        for session, name, key in _later_keys(context)
        for account, reset in key.resets.items()
        if account in applied and "review" in session.settled
        if moment(session.settled["review"], "review") < moment(applied[account]["at"], "applied.at")
        for whose in {name, *reset.users} & own.keys()
        if own[whose].fingerprint != key.fingerprint
    }


def _later_keys(context: Context) -> Iterator[tuple[Summary, str, DecidedKey]]:
    """Yield keys that other sessions wrote later and that are still in the files, with session and person."""
    ledger, own = ledger_with(context)
    for session in ledger.sessions:
        if _written(session) <= _written(own) or not ledger.holds_files(session):
            continue
        with suppress(WrongShape):  # the damaged session's own page reports it
            keys = Decisions.from_facts(session.facts).keys
            yield from ((session, name, key) for name, key in keys.items() if key.fingerprint)


def _written(session: Summary) -> str:
    """Return when a session wrote its files; when it began if it has to write them first or again."""
    return session.settled.get("review", session.created)


def written_since(paths: Collection[str], context: Context) -> dict[str, str]:
    """Return the files that are as later sessions wrote them, with each session's work."""
    own, found = written_at(context.folder), dict[str, str]()
    for folder in _sessions(context).iterdir():
        if written_at(folder) <= own:
            continue
        try:
            changes = net_changes(folder)
        except (FileError, OSError):
            continue  # the damaged session's own Review reports it
        theirs = [path for path in paths if path in changes and changes[path].standing() == "after"]
        if theirs:
            summary = kept_summary(folder, of_old=True)
            found |= dict.fromkeys(theirs, work_of(summary) if summary else folder.name)
    return found


def push_command(commit: Mapping[str, Any]) -> str:
    """Return the command that pushes a session's commit; "" if it is on no branch or there is no remote."""
    remote, branch = commit.get("remote", "origin"), commit.get("branch")
    return shlex.join(["git", "push", "-u", remote, branch]) if remote and branch else ""


def left_by_facts(facts: Mapping[str, Any]) -> Sentence:
    """Return what is left by the session's own facts: a commit, or a push; "" if it wrote nothing."""
    if not facts.get("changed_files"):
        return ""
    if not facts.get("commit"):
        return "Commit the files this session wrote, if you haven't."
    command = push_command(facts["commit"])
    return f"Push your commit, if you haven't: {command}" if command else ""


def left_in_git(context: Context) -> Sentence:
    """Return what is left according to git; "" if it sees nothing.

    Nothing is known about a commit that is no longer on its branch: it was rewritten or merged some other
    way. Without a checkout, the session's own facts count.

    Raises:
        OnboardError: git fails.
    """
    facts, git = context.facts, Git(context.root, context.environment.variables)
    commit = facts.get("commit") or {}
    command = push_command(commit) if commit else ""
    if not git.is_repository():
        return left_by_facts(facts)
    paths = [Path(file["path"]) for file in facts["changed_files"]]
    if uncommitted := [str(path) for path in git.uncommitted(paths)]:
        verb = "has" if len(uncommitted) == 1 else "have"
        words = (
            f"Commit what this session wrote: {count(len(uncommitted), 'file')} {verb} uncommitted changes."
        )
        if not (later := written_since(uncommitted, context)):
            return words
        works = listed([*dict.fromkeys(later.values())], 2)
        which = "it" if len(uncommitted) == 1 else f"{len(later)} of them"
        return joined((words, f"A later session ({works}) wrote to {which}, too."))
    if not command:
        return ""
    branches = git.branches_with(commit.get("sha") or "")
    if any(branch.startswith("refs/remotes/") for branch in branches):
        return ""
    return f"Push your commit: {command}" if f"refs/heads/{commit['branch']}" in branches else ""
