"""The project step: where it is, its shape, and what to do for whom.

All later steps work on the layers chosen here. So a wrong folder or a checkout behind its upstream is found
here, before anything is edited. A missing Terraform is only a remark: nothing before Plan needs it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path

from workflows.core.files import read_text
from workflows.core.grouping import by_key
from workflows.core.openpgp import fingerprint_in
from workflows.core.sentences import OnboardError, Problem, Sentence, count, joined, listed
from workflows.core.shapes import texts
from workflows.core.text import one_line
from workflows.git import Git
from workflows.gpg.tools import GpgMissing
from workflows.gpg.verdict import judge_file
from workflows.layer.discover import ProjectError, find_project, provider_wanted
from workflows.layer.edit.account import short_passwords
from workflows.layer.model import Finding, Layer, Person, Project, Subject
from workflows.layer.names import check_name
from workflows.layer.read.layer import read_layer
from workflows.machine.events import NOT_ASKED, Facts, Observation, StepKey, Verdict
from workflows.messages.envelope import MAX_TEXT
from workflows.messages.file_names import request_file
from workflows.messages.request import open_request
from workflows.steps.admin.edits import read_layers
from workflows.steps.admin.layer_program import find_layer_program, wanted_binary
from workflows.steps.admin.other_sessions import not_added, refuse_who_is_there, removals_since
from workflows.steps.admin.upstream import check_upstream, way_to_catch_up
from workflows.steps.decisions import Work
from workflows.steps.kinds import KINDS
from workflows.steps.ledger import only_for
from workflows.steps.shared.by_hand import people_unknown
from workflows.steps.shared.module import Context, Progress, Report, unless_refused
from workflows.steps.shared.moved_project import same_project
from workflows.steps.shared.paths import typed_path
from workflows.terraform.binary import BinaryMissing, find_program

FIRST_LAYERS = ("management", "root", "security")
_OWN = StepKey("project")
_MOST_REMARKS = 3
_MOST_NAMED = 6
_WORKS_WITHOUT = "You can write the files without it, but not check their format, plan or apply."
MISSING: Mapping[str, Sentence] = {
    "joining": "Say who joins",
    "leaving": "Say who leaves",
    "regrouping": "Say whose access",
    "resetting": "Say whose password",
    "rekeying": "Say whose PGP key",
    "mfa_reset": "Say whose MFA device",
}
"""The request to name somebody, by the kind of work in question."""
_FITS: Mapping[str, Callable[[Person], bool]] = {
    "resetting": lambda person: person.login_profile is not False,
    "mfa_reset": lambda person: not person.machine,
}
"""People that a kind of work applies to, if not everybody."""


def _fits(person: Person, kind: str) -> bool:
    return kind not in _FITS or _FITS[kind](person)


@dataclass(frozen=True, kw_only=True)
class Request(Work):
    """The person's decisions.

    Attributes:
        path: a folder in the project.
        without_upstream: whether to continue although the checkout's upstream can't be reached.
        asked: the kinds of work that the page asked about.
    """

    path: str
    without_upstream: bool = False
    asked: tuple[str, ...] = KINDS


@dataclass(frozen=True)
class Survey:
    """The findings in a project.

    Attributes:
        project: the project.
        layers: its identities layers, read, in working order.
        proposed: accounts whose layers are proposed.
        remarks: what the person should know, one sentence each.
        of_the_files: the same for work that writes or plans the checkout's files.
        uncommitted: how many files of an account's layer git has changes of, by account.
        missing: why an account's layer can't be planned on this computer, if its program isn't here.
        asking: existing users who request another key, from the sandbox's mailbox.
    """

    project: Project
    layers: tuple[Layer, ...]
    proposed: tuple[str, ...]
    remarks: tuple[Sentence, ...]
    of_the_files: tuple[Sentence, ...] = ()
    uncommitted: Mapping[str, int] = field(default_factory=dict)
    missing: Mapping[str, BinaryMissing] = field(default_factory=dict)
    asking: tuple[str, ...] = ()

    def people(self, kind: str = "") -> tuple[str, ...]:
        """Return the IAM names in the layers, sorted; for a kind of work, those it applies to."""
        people = [person for layer in self.layers for person in layer.people]
        return tuple(sorted({person.iam_name for person in people if _fits(person, kind)}))

    def proposed_for(self, people: Collection[str], *, others: bool) -> tuple[str, ...]:
        """Return the accounts of these people and, for `others`, the usual ones."""
        usual = self.proposed if others or not people else ()
        return tuple(
            account
            for layer in self.layers
            if (account := layer.location.account) in usual or any(map(layer.person, people))
        )

    def to_be_planned(self, accounts: Collection[str]) -> tuple[Sentence, ...]:
        """Say that plans of these accounts will include uncommitted files."""
        number = {account: self.uncommitted.get(account, 0) for account in accounts}
        where, every = [account for account in accounts if number[account]], sum(number.values())
        if not where:
            return ()
        uncommitted = f"{count(every, 'uncommitted file')} in {listed(where, 2)}"
        return (f"{uncommitted}: plans will include {'it' if every == 1 else 'them'}.",)

    def without_program(self, accounts: Collection[str]) -> tuple[Sentence, ...]:
        """Say which of these accounts can't be planned here, and what to install."""
        errors = {account: self.missing[account] for account in accounts if account in self.missing}
        alike = by_key(((error.title, error.next), account) for account, error in errors.items())
        return tuple(
            joined((f"{listed(where, 2)}: {title}.", _WORKS_WITHOUT, advice))
            for (title, advice), where in alike.items()
        )


def survey(path: str, context: Context, report: Report) -> Survey:
    """Look at the project that a folder belongs to; read files only.

    Raises:
        OnboardError: it is no project, or files are missing in it.
    """
    report(Progress("Looking for the project"))
    project = find_project(typed_path(path, context.environment.home))
    layers = []
    for location in project.layers:
        context.raise_if_cancelled()
        report(Progress(f"Reading {location.relative}"))
        layers.append(read_layer(location))
    if not layers:
        raise OnboardError(
            "No identities layer",
            f"{project.root} is a project, but no account in it has a base-identities layer.",
            why="Looked for <account>/global/base-identities and <account>/base-identities.",
            next="Check that the checkout is complete and on the right branch.",
        )
    names = [layer.location.account for layer in layers]
    proposed = tuple(name for name in names if name in FIRST_LAYERS) or (names[0],)
    git = Git(project.root, context.environment.variables)
    of_the_files = (*_git_remarks(git), *layer_remarks(layers))
    remarks, uncommitted = tuple(_project_remarks(project, context)), _uncommitted(git, project)
    missing, asking = _missing_programs(project, context), _asking(layers, context)
    return Survey(project, tuple(layers), proposed, remarks, of_the_files, uncommitted, missing, asking)


def validate(request: Request, _context: Context) -> list[Problem]:
    """Check names by IAM's rules, that there is work for somebody, and that nobody both joins and leaves."""
    problems = []
    if not request.path.strip():
        problems.append(Problem("Enter a folder of the project, for example ~/projects/bb-infra.", "path"))
    if not request.layers:
        problems.append(Problem("Select at least one account.", "layers"))
    if not (request.people or request.account_wanted or request.regions_wanted):
        first = request.asked[0]
        only = f"{MISSING[first]}." if len(request.asked) == 1 else "Name somebody in one of the fields."
        problems.append(Problem(only, first))
    for index, name in enumerate(request.joining):
        if " " in name:
            problems.append(Problem(spaced(name, alone=len(request.joining) == 1), "joining"))
            continue
        if same := [earlier for earlier in request.joining[:index] if earlier.casefold() == name.casefold()]:
            twice = f"{_short(same[0])} and {_short(name)} are the same name: type it once."
            problems.append(Problem(twice, "joining"))
            continue
        problems += [
            Problem(f"{_short(name)}: {found.message}", "joining", found.fatal)
            for found in check_name(name, "user")
        ]
    both = sorted(set(request.joining) & {*request.leaving, *request.staying})
    both += sorted(set(request.leaving).intersection(request.staying))
    problems += [Problem(f"{_short(name)} is named in two fields; choose one.", "leaving") for name in both]
    return problems


def _short(name: str) -> str:
    """Return a typed name for a sentence; IAM's own have at most 64 characters."""
    return one_line(name, 70)


def spaced(name: str, *, alone: bool) -> Sentence:
    """Say that a name has spaces, and who may be meant; only a name that stands `alone` may lack commas."""
    one = ".".join(name.split()).casefold()
    several = f"Several: {', '.join(name.split())}." if alone else ""
    meant = () if any(check_name(one, "user")) else (f"One person: {one}.", several)
    return joined(("A user name has no spaces.", *meant))


def perform(request: Request, context: Context, report: Report) -> Facts:
    """Check the project again with its upstream, and record the work to do.

    Raises:
        ProgramNotTrusted: it brings its own Terraform, which the person hasn't accepted yet.
        OnboardError: it isn't a project, is behind its upstream, or lacks a named person.
    """
    found = survey(request.path, context, report)
    chosen = _chosen(request, found)
    _check_people(request, chosen, context)
    report(Progress("Asking the checkout's upstream"))
    check_upstream(found.project.root, context, needed=not request.without_upstream)
    for layer in chosen:
        with suppress(BinaryMissing):  # it is a remark
            find_layer_program(found.project, layer.location, context.environment)
    return {
        "project_root": str(found.project.root),
        "project": found.project.name,
        "layers": [layer.location.account for layer in chosen],
        **{kind: list(getattr(request, kind)) for kind in KINDS},
        "account_wanted": request.account_wanted,
        "regions_wanted": request.regions_wanted,
    }


def _chosen(request: Request, found: Survey) -> list[Layer]:
    """Return the selected layers, in working order."""
    accounts = [layer.location.account for layer in found.layers]
    if missing := [name for name in request.layers if name not in accounts]:
        raise OnboardError(
            "No such layer here",
            f"{', '.join(missing)} has no identities layer in {found.project.root}.",
            why=f"These have one: {', '.join(accounts)}.",
            next="Press Enter in the folder's field to search again, then select the accounts.",
        )
    return [layer for layer in found.layers if layer.location.account in request.layers]


def _check_people(request: Request, layers: list[Layer], context: Context) -> None:
    """Check that people who leave or change exist and joiners don't, apart from this session's edits."""
    removed = context.decisions.users.people("remove")
    for kind in (kind for kind in KINDS if kind != "joining"):
        for name in getattr(request, kind):
            if name not in removed and not any(layer.person(name) for layer in layers):
                raise nobody(name, layers, kind).about(kind)
    refuse_who_is_there(request.joining, {layer.location.account: layer for layer in layers}, context)
    for name in request.resetting:
        found = [person for layer in layers if (person := layer.person(name))]
        if found and all(person.login_profile is False for person in found):
            raise OnboardError(
                "No console password",
                f"{name} has none in the accounts that you selected, so there is none to reset.",
                why="The layer gives this user access keys only.",
                next="Take this name out: machine users have no password."
                if all(person.machine for person in found)
                else "Name them under “Whose access?” (^o shows it), and switch a password on in Users.",
            ).about("resetting")
        for layer in layers:
            _check_new_password(name, layer, rekeyed=name in request.rekeying, context=context)
    if request.resetting:
        _check_key_files(layers, {*request.rekeying, *request.leaving})
        _refuse_idle(request, layers)


def _refuse_idle(request: Request, layers: Iterable[Layer]) -> None:
    """Reject accounts in which nobody has a password, if passwords are all that is reset."""
    if {*request.people} - {*request.resetting} or request.account_wanted or request.regions_wanted:
        return
    for layer in layers:
        there = filter(None, map(layer.person, request.resetting))
        if all(person.login_profile is False for person in there) and not people_unknown([layer]):
            account, names = layer.location.account, listed(request.resetting, _MOST_NAMED)
            raise OnboardError(
                "Nothing to reset there",
                f"{account} has no console password of {names}.",
                next=f"Take {account} out of the accounts.",
            ).about("layers")


def _check_new_password(name: str, layer: Layer, *, rekeyed: bool, context: Context) -> None:
    """Reject, before planning, a new password that no key can encrypt or that AWS would reject."""
    person, account = layer.person(name), layer.location.account
    if person is None or person.login_profile is False:
        return
    if not rekeyed and (wrong := _unusable_key(person, layer, context)):
        raise OnboardError(
            "No PGP key to encrypt it for",
            f"{account}: {person.key_file} of {name} {wrong}",
            next=f"Name {name} under “Whose PGP key?” (^o shows it): with a new key comes a new password.",
        ).about("resetting")
    for short in short_passwords(layer, (name,)):
        raise short.refusal().about("resetting")


def _check_key_files(layers: Iterable[Layer], replaced: Container[str]) -> None:
    """Reject layers that can't be planned because the key file of somebody who stays is missing."""
    for layer in layers:
        for found in layer.findings:
            if found.subject is Subject.KEY and found.label not in replaced:
                raise OnboardError(
                    f"A key file is missing in {layer.location.account}",
                    found.message,
                    next=f"Bring the file back from git, or name {found.label} under “Whose PGP key?” "
                    "(^o shows it).",
                ).about("resetting")


def _unusable_key(person: Person, layer: Layer, context: Context) -> Sentence:
    """Return why no password can be encrypted to somebody's key file; "" if it can, or nobody can tell."""
    if any(found.subject is Subject.KEY and found.label == person.iam_name for found in layer.findings):
        return "is missing, so Terraform can't plan."
    data, provider, environment = layer.files.keys.get(person.key_file or ""), None, context.environment
    if data is None:
        return ""
    with suppress(ProjectError):
        provider = provider_wanted(layer.location.path)
    with suppress(GpgMissing):  # a plan doesn't need gpg
        verdict = judge_file(data, provider, environment.now(), environment=environment.variables).verdict
        return "" if verdict.accepted else f"can't be used: {verdict.headline}. {verdict.explanation}"
    return ""


def nobody(name: str, layers: Sequence[Layer], kind: str) -> OnboardError:
    """Return the error that a user doesn't exist or can't be found, with likely names for that work."""
    known = sorted({person.iam_name for layer in layers for person in layer.people if _fits(person, kind)})
    likely = get_close_matches(name, known, _MOST_REMARKS) or known
    hint = f"Choose one of {listed(likely, _MOST_NAMED)}." if likely else "Nobody is in them yet."
    hint = f"Did you mean {likely[0]}?" if len(likely) == 1 else hint
    unknown = people_unknown(layers)
    by_hand = " Anyone in what it can't read has to be changed by hand." if unknown else ""
    return OnboardError(
        "No user of that name",
        f"{_short(name)} is in none of the accounts that you selected.",
        why=f"iam-onboard couldn't read everything. {unknown}" if unknown else "",
        next=f"{hint}{by_hand}",
    )


def _missing_programs(project: Project, context: Context) -> dict[str, BinaryMissing]:
    """Return the errors of layers whose program isn't on this computer, by account."""
    missing = {}
    for location in project.layers:
        # Whether it is trusted is asked for the chosen layers only: that hashes a program of the project.
        wanted = replace(wanted_binary(project, location, context.environment), trusted=None)
        try:
            find_program(wanted, context.environment.variables.get("PATH", ""))
        except BinaryMissing as error:
            missing[location.account] = error
        except OnboardError:
            pass  # continuing asks about it or reports it
    return missing


def observe(context: Context) -> Observation:
    """Check that the project is where it was, with the same layers and people, and isn't behind any more.

    People removed by a later session are no contradiction.
    """
    seen, before = unless_refused(partial(_check_again, context)), context.observed.get(_OWN)
    if not seen.contradicts and before is not None and before.here:
        try:
            seen = _behind(context, fetch=False) or seen
        except OnboardError:
            seen = before  # nothing shows that the checkout has caught up
    return seen if seen.contradicts else removals_since(context) or seen


def _check_again(context: Context) -> None:
    """Check what can have changed in the project's files since it was chosen."""
    same_project(context.root, context)
    if joining := not_added(context.decisions.joining, context.decisions.layers, context):
        refuse_who_is_there(joining, read_layers(context), context)


def inquire(context: Context) -> Observation:
    """Check whether the checkout is behind its upstream, until all accounts are applied.

    Raises:
        OnboardError: git fails.
    """
    applied = {*texts(context.facts["layers"])} <= context.of_each_item("applied").keys()
    seen = observe(context)
    if seen.contradicts:
        return NOT_ASKED
    return seen if applied or only_for(seen.about, context.facts) else _behind(context, fetch=True) or seen


def _behind(context: Context, *, fetch: bool) -> Observation | None:
    """Describe the commits missing from the checkout; None if there are none, or no repository."""
    git = Git(context.root, context.environment.variables)
    if not git.is_repository():
        return None
    upstream = git.upstream(fetch=fetch, cancelled=context.leaving)
    if not upstream.behind:
        return None
    commits = git.commits(f"HEAD..{upstream.name}")
    authors = listed(sorted({"you" if commit.mine else commit.author for commit in commits}), _MOST_REMARKS)
    more = " and others" if upstream.behind > len(commits) else ""
    lacking = (
        f"{upstream.name} has {count(upstream.behind, 'commit')} by {authors}{more} that you don't have yet."
    )
    words = f"{lacking} {way_to_catch_up(upstream, git)}"
    about = (upstream.name, *(commit.name for commit in commits[:1]))
    return Observation(Verdict.CHANGED, words, about, here=True)


def _project_remarks(project: Project, context: Context) -> list[Sentence]:
    sso = "People here usually sign in through SSO; an IAM user is the exception."
    chosen = context.environment.binary
    program = f"Plans and applies in this session use {chosen}, as you chose with --binary."
    named = [program] if isinstance(chosen, str) else []
    return [*project.warnings, *([sso] if project.sso_enabled else []), *named]


def _asking(layers: Sequence[Layer], context: Context) -> tuple[str, ...]:
    people = sorted({person.iam_name for layer in layers for person in layer.people})
    sent = {name: context.environment.mail(request_file(name)) for name in people}
    return tuple(
        name
        for name, file in sent.items()
        if file and file.is_file() and _replacement(file) not in {"", *_keys_of(name, layers)}
    )


def _keys_of(name: str, layers: Sequence[Layer]) -> set[str]:
    """Return the fingerprints of somebody's keys in the layers."""
    people = [(layer, person) for layer in layers if (person := layer.person(name))]
    return {fingerprint_in(layer.files.keys.get(person.key_file or "", b"")) for layer, person in people}


def _replacement(file: Path) -> str:
    """Return the fingerprint of the key in a replacement request; "" for any other file."""
    with suppress(OnboardError):  # PGP keys reports what is wrong with it
        request = open_request(read_text(file, MAX_TEXT))
        return request.fingerprint if request.replacement else ""
    return ""


def _git_remarks(git: Git) -> list[Sentence]:
    if not git.is_repository():
        return ["This folder isn't a git checkout: nobody can review or undo changes in it."]
    lone = "This checkout has no remote to compare with, so nobody knows whether it is current."
    return [] if git.upstream().name else [lone]


def _uncommitted(git: Git, project: Project) -> dict[str, int]:
    if not git.is_repository():
        return {}
    dirty = [file.path for file in git.dirty_files([layer.path for layer in project.layers])]
    folders = {layer.account: layer.path.resolve() for layer in project.layers}
    return {
        account: sum(path.is_relative_to(folder) for path in dirty) for account, folder in folders.items()
    }


def layer_remarks(layers: Iterable[Layer]) -> list[Sentence]:
    """Return what the layers hold that can't simply be read and edited, one sentence each, with the place.

    First comes what stops Terraform from planning or needs manual editing; then commented-out code, one line
    per layer. If there are more than three lines, a last one counts the rest.

    Args:
        layers: in working order.
    """
    sentences: dict[bool, list[Sentence]] = {True: [], False: []}
    for layer in layers:
        account = layer.location.account
        for finding in (finding for finding in layer.findings if not finding.hidden):
            pressing = finding.hand_edit or finding.subject is Subject.KEY
            sentences[pressing].append(f"{account}: {finding.message} ({finding.place})")
        sentences[False] += [f"{account}: {words}" for words in _hidden(layer.findings)]
    remarks = [*sentences[True], *sentences[False]]
    left = len(remarks) - _MOST_REMARKS
    more: Sentence = f"{left} more: Users and Groups list them with their places."
    return [*remarks[:_MOST_REMARKS], more] if left > 0 else remarks


def _hidden(findings: Iterable[Finding]) -> Iterator[Sentence]:
    hidden = [finding for finding in findings if finding.hidden]
    if len(hidden) == 1:
        yield f"{hidden[0].message} ({hidden[0].place})"
    elif hidden:
        kinds = Counter(finding.subject for finding in hidden)
        words = [count(number, kind) for kind, number in kinds.items()]
        yield f"{' and '.join(words)} are hidden in comments (the first at {hidden[0].place})"
