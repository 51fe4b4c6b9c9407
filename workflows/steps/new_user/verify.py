"""Verify: ask every written profile who it is; then show the lines for the user's shell.

They make the aws command use the profiles, which a test run can try.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from workflows.aws import sts
from workflows.aws.authenticator import code_problem
from workflows.aws.clients import ProfileFiles, profile_map
from workflows.aws.errors import KEY_REFUSED, AwsError
from workflows.aws.verify import (
    Result,
    RoleProfile,
    base_profiles,
    needs_code,
    role_profiles,
    verify_profiles,
)
from workflows.core.processes import Completed, capture, child_environment
from workflows.core.secret import Credentials
from workflows.core.sentences import Cancelled, OnboardError, Problem, Sentence, count, listed, text_of
from workflows.core.shapes import WrongShape, moment
from workflows.gpg.decrypt import PassphraseNeeded
from workflows.machine.events import AGREES, NOT_ASKED, Facts, Observation, StepKey, Verdict, seen_at
from workflows.profiles.shell_lines import Shell, export_lines, shell_of, switch_role_url
from workflows.steps.shared.module import Context, Looks, Progress, Report
from workflows.steps.shared.own_access_key import (
    check_owner,
    client_without_asking,
    kept_id,
    kept_key,
    key_at,
    not_accepted,
    observe_store,
    report_device,
)
from workflows.steps.shared.own_identity import NEW_HANDOFF, clients_for, entry_in_app, identity_of
from workflows.stores.key_store import KEPT_IN_FILE, KEPT_IN_PGP_FILE

Keys = Mapping[str, Credentials | OnboardError | None]
"""By account, the key to use or why there is none; None reads it from the files."""
_CAN_MUCH = re.compile(r"admin|root|prd|prod|management", re.IGNORECASE)
_FRESH = timedelta(hours=1)
"""How long an answer is shown without asking again."""


@dataclass(frozen=True)
class Request:
    """The outcome.

    Attributes:
        results: all answers.
        chosen: the profile for the user's shell, or "".
        at: when they answered, ISO 8601.
    """

    results: tuple[Result, ...] = ()
    chosen: str = ""
    at: str = ""


@dataclass(frozen=True)
class IdentityView:
    """An identity with written profiles.

    Attributes:
        account: its account's name.
        base: its base profile.
        serial: the device whose code is needed, or None.
        roles: its role profiles, each with the console page that switches to the role.
        entry: that device's entry in the authenticator app, or "".
    """

    account: str
    base: str
    serial: str | None
    roles: Mapping[str, str]
    entry: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """All profiles, the base profile first."""
        return (self.base, *self.roles)


@dataclass(frozen=True)
class Survey:
    """What can be verified.

    Attributes:
        identities: identities with written profiles and an access key.
        has_aws: whether the aws command is here.
        asked: what the answers depend on: the devices, the keys, and the current profile files.
        keyless: other accounts with profiles, for which the user chose to keep no access key.
        written: all written profiles.
    """

    identities: tuple[IdentityView, ...]
    has_aws: bool
    asked: tuple[str, ...] = ()
    keyless: tuple[str, ...] = ()
    written: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All profiles, each base profile before its roles."""
        return tuple(name for view in self.identities for name in view.names)

    def working(self, results: Mapping[str, Result]) -> list[str]:
        """Return working profiles in the order proposed for a shell.

        Roles come first, powerful ones (administration and production) last among them.
        """
        bases = {view.base for view in self.identities}
        works = [name for name in self.names if name in results and not results[name].problem]
        return sorted(works, key=lambda name: (name in bases, bool(_CAN_MUCH.search(name))))

    def to_ask(
        self, results: Mapping[str, Result], without: Collection[str] = ()
    ) -> tuple[IdentityView, ...]:
        """Return identities with a profile that another test may make work; all if there is none.

        Those that need no code are always among them: asking again costs nothing.

        Args:
            results: the answers so far.
            without: accounts that can't work yet; then only the others that another test may help.
        """
        settled = {name for name, result in results.items() if result.for_admin or not result.problem}
        open_ = [view for view in self.identities if not settled.issuperset(view.names)]
        if without:
            return tuple(view for view in open_ if view.account not in without)
        return tuple(view for view in self.identities if not open_ or view in open_ or view.serial is None)


def keys_seen(results: Iterable[Result], survey: Survey, context: Context) -> dict[StepKey, Observation]:
    """Return whether AWS accepts each kept access key, from new answers."""
    found, answers = {}, {result.profile: result for result in results}
    for view in survey.identities:
        key, result = context.of_each_item("access_key").get(view.account), answers.get(view.base)
        refused = result and isinstance(result.error, AwsError) and result.error.failure in KEY_REFUSED
        if key and result and (refused or result.error is None):
            look = not_accepted(kept_id(context, view.account)) if refused else AGREES
            found[StepKey("access-keys", view.account)] = look
    return found


def tested_again(results: Iterable[Result], context: Context) -> Observation:
    """Return an observation of a finished test after profiles were asked again.

    A profile that already failed when the user finished is no news.
    """
    failing = [result for result in results if result.problem]
    worked = {name for name, result in recorded_results(context).items() if not result.problem}
    if lost := tuple(r.profile for r in failing if r.stopped_working and r.profile in worked):
        words = f"{count(len(lost), 'profile')} stopped working: {listed(lost, 2)}."
        return Observation(Verdict.GONE, words, lost, redoing=f"Verify tests them again. {NEW_HANDOFF}")
    return NOT_ASKED if failing else AGREES


def kept(results: Iterable[Result], survey: Survey, context: Context) -> dict[str, Any]:
    """Return answers as a draft, to be shown again for a while (see `kept_results`)."""
    at = context.environment.now().isoformat()
    return {"results": [_record(result) for result in results], "asked": list(survey.asked), "at": at}


def kept_results(draft: Mapping[str, Any], survey: Survey, context: Context) -> dict[str, Result]:
    """Return answers from the last hour, by name; none if keys or files have changed."""
    with suppress(WrongShape, KeyError, TypeError):
        age = context.environment.now() - moment(draft.get("at"), "verify.at")
        if draft.get("asked") == list(survey.asked) and timedelta(0) <= age < _FRESH:
            return _results(draft["results"])
    return {}


def _record(result: Result) -> dict[str, Any]:
    """Return a result as the journal stores it."""
    problem, title = text_of(result.problem), text_of(result.title)
    record = {"profile": result.profile, "arn": result.arn or None, "problem": problem or None}
    return {**record, "title": title, "for_admin": result.for_admin} if title else record


def _results(records: Iterable[Mapping[str, Any]]) -> dict[str, Result]:
    """Return the results that the journal stores, by name."""
    return {
        str(known["profile"]): Result(
            str(known["profile"]),
            known["arn"] or "",
            known["problem"] or "",
            known.get("title") or "",
            bool(known.get("for_admin")),
        )
        for known in records
    }


def recorded_results(context: Context) -> dict[str, Result]:
    """Return the answers recorded when the step was done, by name."""
    known: Mapping[str, Any] = context.facts.get("verified") or {}
    return _results(known.get("results", ()))


def _asked(context: Context) -> Iterator[str]:
    for account, recorded in written_profiles(context).items():
        yield str((context.of_each_item("mfa").get(account) or {}).get("at"))
        yield str((context.of_each_item("access_key").get(account) or {}).get("id"))
        for path in (Path(recorded["config"]), Path(recorded["credentials"])):
            with suppress(OSError):
                yield str(path.stat().st_mtime_ns)


def survey(context: Context, report: Report) -> Survey:
    """Find out what can be verified, from files only.

    Raises:
        OnboardError: a file can't be parsed.
    """
    report(Progress("Reading the profile files", payload=Looks(gone_here(context))))
    with_key, written = _with_key(context), written_profiles(context)
    return Survey(
        identities=tuple(_view(account, recorded, context) for account, recorded in with_key.items()),
        has_aws=aws_program(context) is not None,
        asked=tuple(_asked(context)),
        keyless=tuple(account for account in written if account not in with_key),
        written=_all_names(written),
    )


def gone_here(context: Context) -> dict[StepKey, Observation]:
    """Return the steps whose access keys or profiles this computer no longer has, in their order.

    Steps that the user left like that are left out.
    """
    found = dict[StepKey, Observation]()
    for account, recorded in written_profiles(context).items():
        if key := context.of_each_item("access_key").get(account):
            with suppress(OnboardError):  # it is unknown whether the key is there
                identity = identity_of(context, account)
                found[StepKey("access-keys", account)] = observe_store(context, identity, key)
        files = profile_files(recorded)
        there = profile_map(files)
        if missing := [name for name in recorded["names"] if name not in there]:
            words = f"{context.environment.readable(files.config_file)} no longer has {', '.join(missing)}."
            found[StepKey("profiles", account)] = Observation(Verdict.CHANGED, words)
    left = {key: look.identity for key, look in context.observed.items() if key not in context.contradicted}
    return {key: look for key, look in found.items() if look.contradicts and look.identity != left.get(key)}


def _all_names(written: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(name for recorded in written.values() for name in recorded["names"])


def _with_key(context: Context) -> dict[str, Mapping[str, Any]]:
    """Return the written profiles of accounts that have an access key, kept or in the files."""
    return {
        account: recorded
        for account, recorded in written_profiles(context).items()
        if context.of_each_item("access_key").get(account) or _key_in_files(recorded)
    }


def _key_in_files(recorded: Mapping[str, Any]) -> bool:
    return recorded["base"] in base_profiles(profile_files(recorded))


def _view(account: str, recorded: Mapping[str, Any], context: Context) -> IdentityView:
    files = profile_files(recorded)
    base = str(recorded["base"])
    roles = {
        role.name: _switch_url(role) for role in role_profiles(files, base) if role.name in recorded["names"]
    }
    serial = needs_code(files, base) if _key_in_files(recorded) else None
    entry = entry_in_app(serial, identity_of(context, account)) if serial else ""
    return IdentityView(account, base, serial, roles, entry)


def _switch_url(role: RoleProfile) -> str:
    with suppress(OnboardError):  # the console rejects such a name, and the page offers no link
        if role.account:
            return switch_role_url(role.account, role.role_name, role.name, sts.partition_of(role.role_arn))
    return ""


def open_keys(context: Context, _report: Report, *, asks: bool) -> None:
    """Open the keys in files encrypted to the user's own PGP key, so that no code waits for a passphrase.

    Other failures are left to the test.

    Args:
        asks: whether gpg may ask for the passphrase in a window of its own, because the user acted.

    Raises:
        PassphraseNeeded: gpg-agent has forgotten the passphrase: `unlock` first.
    """
    for account in _with_key(context):
        if (context.of_each_item("access_key").get(account) or {}).get("kept") == KEPT_IN_PGP_FILE:
            try:
                identity = identity_of(context, account)
                key = kept_key(context, identity) if asks else key_at(KEPT_IN_PGP_FILE, context, identity)
            except PassphraseNeeded:
                raise
            except OnboardError:
                continue
            if key is not None:
                key.drop()


def code_problems(codes: Mapping[str, str], views: tuple[IdentityView, ...]) -> list[Problem]:
    """Check that the needed codes are there and well formed.

    Args:
        codes: by account.
        views: the identities to ask.
    """
    return [
        problem
        for view in views
        if view.serial is not None
        if (problem := code_problem(codes.get(view.account, ""), f"code-{view.account}"))
    ]


def verify(
    codes: Mapping[str, str],
    context: Context,
    report: Report,
    keys: Keys | None = None,
    accounts: Collection[str] | None = None,
) -> tuple[Result, ...]:
    """Ask every profile, reporting each answer as it comes, as a `Result` in the progress.

    Identities go one after the other, since each has its own device and code. A failure in one leaves the
    others alone.

    Args:
        codes: the codes as typed, by account.
        report: receives every answer.
        keys: the keys to use; None takes the kept ones.
        accounts: the names of the accounts to ask about; None for all.

    Raises:
        PassphraseNeeded: a key is in a file encrypted to the user's own key, and gpg-agent has forgotten the
            passphrase: `unlock` first.
        Cancelled: it was stopped.
    """
    recorded = {
        account: profiles
        for account, profiles in _with_key(context).items()
        if accounts is None or account in accounts
    }
    gone = {key: look for key, look in gone_here(context).items() if key.item in recorded}
    report(Progress("Reading the profile files", payload=Looks(gone)))
    lost = {key.item or "": OnboardError("Not on this computer", look.words) for key, look in gone.items()}
    # all passphrases before the first code
    used: Keys = keys or {account: lost.get(account) or _key(context, account) for account in recorded}
    total = len(_all_names(recorded))
    results: dict[str, Result] = {}

    def answered(result: Result) -> None:
        results[result.profile] = result
        report(Progress(f"{result.profile} has answered", len(results), total, payload=result))

    for account, profiles in recorded.items():
        report(Progress(f"Testing the profiles of {account}", len(results), total))
        try:
            _verify_one(context, account, profiles, codes.get(account, ""), used[account], report, answered)
        except Cancelled:
            raise
        except OnboardError as error:
            for name in profiles["names"]:
                if name not in results:
                    answered(Result.failed(name, error))
    return tuple(results.values())


def _verify_one(
    context: Context,
    account: str,
    profiles: Mapping[str, Any],
    code: str,
    key: Credentials | OnboardError | None,
    report: Report,
    answered: Callable[[Result], None],
) -> None:
    if isinstance(key, OnboardError):
        raise key
    identity = identity_of(context, account)
    clients = clients_for(context.environment, identity.region)
    if key is not None and identity.user:  # a command may not know the user
        with clients.client("sts", key) as client:
            check_owner(sts.caller_identity(client), identity, context)
    facts = {name: context.of_each_item(name).get(account) for name in ("mfa", "access_key")}
    here = replace(context, item=account, facts={**context.facts, **facts})
    asking = clients.client("iam", key) if key is not None else client_without_asking("iam", here)
    with suppress(OnboardError), asking as client:  # what is wrong with the file, the profiles say
        if client is not None and identity.user:
            report_device(client, account, facts, report)
    verify_profiles(
        clients,
        profile_files(profiles),
        str(profiles["base"]),
        code=code or None,
        memory=context.environment.codes,
        report=answered,
        cancelled=context.cancelled,
        only=list(profiles["names"]),
        keys=key,
    )


def _key(context: Context, account: str) -> Credentials | None:
    """Return an identity's kept key from the vault; None leaves it to the files.

    The profile's `credential_process` would ask the same vault from a child process, which has no terminal
    for a passphrase here.
    """
    kept = context.of_each_item("access_key").get(account) or {}
    if not kept or kept["kept"] == KEPT_IN_FILE:
        return None
    return kept_key(context, identity_of(context, account))


def validate(request: Request, context: Context) -> list[Problem]:
    """Require answers, whatever they are."""
    if not written_profiles(context):
        return [Problem("No profiles were written, so there is nothing to verify. Skip this (^s).")]
    if not request.results:
        return [Problem("Nothing is verified yet: test the profiles first.")]
    return []


def perform(request: Request, context: Context, _report: Report) -> Facts:
    """Record the answers, the number of profiles, and the one for the shell."""
    return {
        "verified": {
            "total": len(_all_names(written_profiles(context))),
            "results": [_record(result) for result in request.results],
            "chosen": request.chosen,
            "at": request.at,
        }
    }


def observe(context: Context) -> Observation:
    """Use AWS's last answers; the step before checks the files."""
    known: Mapping[str, Any] = context.facts.get("verified") or {}
    at = str(known.get("at") or "")
    if not at or any(result.get("problem") for result in known["results"]):
        return replace(NOT_ASKED, at=at)
    return seen_at(at, context.environment.now())


def how_many_work(working: int, total: int, verb: Sentence = "") -> str:
    """Say how many of the profiles work; `verb` puts it in another tense."""
    return f"{working} of {count(total, 'profile')} {verb or ('works' if 1 in {working, total} else 'work')}"


COMMAND = "aws sts get-caller-identity"
"""An action that every profile may do, since AWS requires no permission for it."""
NOT_INSTALLED = "! The aws command isn't installed yet."
_OF_THE_SANDBOX = ("AWS_ENDPOINT_URL", "HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "GNUPGHOME")
"""Variables that a terminal outside the sandbox lacks: the AWS endpoint, and the home with the key vault."""
_KEEPS_FOR = timedelta(hours=1)
_ASKS = "Enter MFA code for"
_OF_THE_QUESTION = re.compile(r"GetPassWarning|fallback_getpass|Password input may be echoed")


@dataclass(frozen=True)
class Tried:
    """The result of the test run.

    Attributes:
        output: what the command printed.
        words: what that means.
        needs_code: whether it asked for an MFA code and got none.
    """

    output: str
    words: Sentence
    needs_code: bool = False


def own_shell(context: Context) -> Shell:
    """Return the user's shell."""
    return shell_of(context.environment.variables.get("SHELL", ""))


def shell_lines(context: Context, profile: str, shell: Shell) -> tuple[str, ...]:
    """Return the three lines for a shell. In the sandbox, more lines lead into it."""
    files, environment = profile_files(_written_with(context, profile)), context.environment
    inside = {name: environment.variables[name] for name in _OF_THE_SANDBOX if name in environment.variables}
    return export_lines(
        shell,
        files.config_file,
        files.credentials_file,
        profile,
        inside if environment.sandbox else {},
        None if environment.sandbox else environment.home,
    )


class CommandError(OnboardError):
    """The aws command failed with a profile, so what is known of that profile may hold no more.

    Args:
        profile: its name.
        exit_code: the command's.
        said: its own messages.
    """

    def __init__(self, profile: str, exit_code: int, said: str) -> None:
        super().__init__(
            "aws failed",
            f"{COMMAND} ended with {exit_code} for the profile {profile}.",
            next="Read its message below, then test the profile again.",
            detail=said,
        )
        self.profile = profile


def try_aws(profile: str, code: str, context: Context, report: Report) -> Tried:
    """Run `COMMAND` with a profile, as a new terminal would.

    The command remembers a role's session for some time, so it needs a code only once.

    Args:
        code: from the MFA device, given to the command when it asks; "" tries without.

    Raises:
        RepeatedCode, WrongCode: the code can't be used.
        CommandError: the aws command failed; with its own message.
        OnboardError: it is missing, or doesn't answer.
    """
    program = aws_program(context)
    if program is None:
        raise OnboardError(
            "The aws command isn't installed",
            "There is no program named aws on your PATH.",
            next="Install it (https://aws.amazon.com/cli/), open a new terminal, and try there.",
        )
    recorded = _written_with(context, profile)
    files = profile_files(recorded)
    serial = needs_code(files, str(recorded["base"]))
    digits = context.environment.codes.claim(serial, code) if serial and code else ""
    report(Progress(f"Running {COMMAND} as {profile}"))
    try:
        done = capture(
            [program, *COMMAND.split()[1:]],
            cwd=context.folder,
            environment=_aws_environment(context, files, profile),
            cancelled=context.cancelled,
            timeout=60.0,
            stdin=f"{digits}\n" if digits else "",
        )
    except TimeoutError as error:
        raise OnboardError(
            "aws doesn't answer", f"{error}.", next="Check your network, then try again."
        ) from None
    context.raise_if_cancelled()
    tried = _answer(done, profile, with_code=bool(digits))
    with_what = _with_what(profile, serial, context)
    context.environment.tried.pop(with_what, None)
    if not tried.needs_code:
        context.environment.tried[with_what] = context.environment.now()
    return tried


def keeps_session(profile: str, serial: str | None, context: Context) -> bool:
    """Return whether the command still has a role's session from a run here, and needs no code.

    Args:
        profile: the role's.
        serial: the device whose code it would need, or None.
    """
    at = context.environment.tried.get(_with_what(profile, serial, context))
    return at is not None and context.environment.now() - at < _KEEPS_FOR


def _with_what(profile: str, serial: str | None, context: Context) -> tuple[str, ...]:
    """Return the profile, access key and device that a test run uses."""
    accounts = (account for account, known in written_profiles(context).items() if profile in known["names"])
    key = context.of_each_item("access_key").get(next(accounts, "")) or {}
    return profile, str(key.get("id")), str(serial)


def aws_program(context: Context) -> str | None:
    """Return the path of the aws command, or None."""
    return shutil.which("aws", path=context.environment.variables.get("PATH", ""))


def _answer(done: Completed, profile: str, *, with_code: bool) -> Tried:
    output, said = done.stdout.strip(), _said(done.stderr)
    if done.exit_code == 0:
        return Tried(output, "It works.")
    if _ASKS in done.stderr and not with_code:
        words = f"{profile} wants a code: type the app's next one above, then run this again."
        return Tried("", words, needs_code=True)
    raise CommandError(profile, done.exit_code, said or output)


def _said(stderr: str) -> str:
    """Return the command's own messages, without its prompt for a code."""
    lines = [line for line in stderr.splitlines() if not _OF_THE_QUESTION.search(line)]
    return re.sub(rf"{_ASKS} \S+ ?", "", "\n".join(lines)).strip()


def _written_with(context: Context, profile: str) -> Mapping[str, Any]:
    written = tuple(written_profiles(context).values())
    return next((identity for identity in written if profile in identity["names"]), written[0])


def _aws_environment(context: Context, files: ProfileFiles, profile: str) -> dict[str, str]:
    extra = {
        "AWS_CONFIG_FILE": str(files.config_file),
        "AWS_SHARED_CREDENTIALS_FILE": str(files.credentials_file),
        "AWS_PROFILE": profile,
        "AWS_PAGER": "",
    }
    if context.environment.endpoint_url is not None:
        extra["AWS_ENDPOINT_URL"] = context.environment.endpoint_url
    return child_environment(context.environment.variables, extra)


def written_profiles(context: Context) -> dict[str, Mapping[str, Any]]:
    """Return the facts `profiles` of all identities that have them, by account, except skipped ones."""
    accounts, found = context.facts.get("identities") or (), context.of_each_item("profiles")
    return {account: found[account] for account in accounts if found.get(account)}


def profile_files(recorded: Mapping[str, Any]) -> ProfileFiles:
    """Return the two files named in a fact `profiles`."""
    return ProfileFiles(Path(recorded["config"]), Path(recorded["credentials"]))
