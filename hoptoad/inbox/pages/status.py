"""A problem's state in words."""

from datetime import datetime
from typing import NamedTuple

from django.template.defaultfilters import date
from django.utils.html import format_html
from django.utils.safestring import SafeString

from hoptoad.inbox.models import Deploy, Problem, State
from hoptoad.inbox.pages import visible
from hoptoad.inbox.pages.times import local


class Status(NamedTuple):
    """The state: its name, also that of its colour, and the sentences that explain it."""

    name: str
    sentences: tuple[str, ...] = ()


def has_regressed(problem: Problem) -> bool:
    """Whether a notice has opened it since it was resolved."""
    if problem.state != State.OPEN or problem.regressed_at is None or problem.resolved_at is None:
        return False
    return problem.regressed_at >= problem.resolved_at


def name_of(problem: Problem) -> str:
    """The word in the list: open, regressed, resolved, ignored."""
    return "regressed" if has_regressed(problem) else str(problem.state)


def badge(name: str) -> SafeString:
    """The word in its colour."""
    return format_html('<span class="hoptoad-state hoptoad-state-{0}">{0}</span>', name)


def status_of(problem: Problem, deploy: Deploy | None = None) -> Status:
    """The state; `deploy` is that of the version a resolved problem came back with."""
    explain = {"regressed": _regressed, "resolved": _resolved, "ignored": _ignored}.get(name_of(problem))
    return Status(name_of(problem), () if explain is None else explain(problem, deploy))


def _regressed(problem: Problem, deploy: Deploy | None) -> tuple[str, ...]:
    resolved = _in(problem.resolved_in) + _on(problem.resolved_at)
    since = f"It came back{_on(problem.regressed_at)}{_in(problem.regressed_in)}"
    deployed = f", deployed{_on(deploy.at)}{_by(deploy.user)}" if deploy else ""
    return (f"Resolved{resolved}.", f"{since}{deployed}.")


def _resolved(problem: Problem, deploy: Deploy | None) -> tuple[str, ...]:
    version = visible.line(problem.resolved_in, 100)
    again = (
        f"A notice from a version other than {version} opens it again."
        if version
        else "The next notice opens it again."
    )
    return (f"Resolved{_in(version)}{_on(problem.resolved_at)}.", again)


def _ignored(problem: Problem, deploy: Deploy | None) -> tuple[str, ...]:
    ends = []
    if problem.ignored_until is not None:
        ends.append(_day(problem.ignored_until))
    if problem.ignored_until_count is not None:
        ends.append(f"notice {problem.ignored_until_count:,}")
    return (
        f"Ignored until {' or '.join(ends) or 'somebody reopens it'}.",
        "Its notices are counted, and nobody gets mail.",
    )


def _in(version: str) -> str:
    return f" in version {visible.line(version, 100)}" if version else ""


def _on(moment: "datetime | None") -> str:
    return f" on {_day(moment)}" if moment else ""


def _by(user: str) -> str:
    return f" by {visible.line(user, 60)}" if user else ""


def _day(moment: datetime) -> str:
    return date(local(moment), "j M Y, H:i")
