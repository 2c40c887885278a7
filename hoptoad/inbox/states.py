"""What happens to a problem: a notice counts, and people resolve, ignore, reopen, merge and delete.

The actions take a queryset of problems, and change each in one statement, whatever it waits for.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.timezone import now

from hoptoad.inbox.arrivals import Arrival
from hoptoad.inbox.models import Fingerprint, Hour, Notice, Problem, Receipt, State

MILESTONES = frozenset({1, 10, 100, 1000})


@dataclass(frozen=True, slots=True)
class Alert:
    """A reason to tell people: `kind` is "new", "milestone", "regression" or "reopened"."""

    problem_id: int
    app_id: int
    kind: str
    number: int  # of the notice
    environment: str


def count(problem: Problem, arrival: Arrival) -> Alert | None:
    """Counts a notice of the problem, which the caller has locked and saves."""
    problem.count += 1
    problem.last_seen = max(problem.last_seen, arrival.received)
    problem.class_name, problem.place = arrival.group.class_name, arrival.group.place
    problem.message, problem.severity = arrival.message, arrival.severity
    problem.component, problem.action = arrival.component, arrival.action
    problem.first_version = problem.first_version or arrival.version
    problem.last_version = arrival.version or problem.last_version
    kind = _reopened(problem, arrival) or _milestone(problem)
    if not kind or problem.state != State.OPEN:
        return None
    return Alert(problem.pk, problem.app_id, kind, problem.count, problem.environment)


def _milestone(problem: Problem) -> str:
    if problem.count not in MILESTONES:
        return ""
    return "new" if problem.count == 1 else "milestone"


def _reopened(problem: Problem, arrival: Arrival) -> str:
    """Opens a problem that a notice opens; says how."""
    if problem.state == State.RESOLVED and not (
        problem.resolved_in and problem.resolved_in == arrival.version
    ):
        problem.state = State.OPEN
        problem.regressed_at, problem.regressed_in = arrival.received, arrival.version
        return "regression"
    if problem.state == State.IGNORED and _is_over(problem, arrival.received):
        problem.state = State.OPEN
        problem.ignored_until = problem.ignored_until_count = None
        return "reopened"
    return ""


def _is_over(problem: Problem, moment: datetime) -> bool:
    until, number = problem.ignored_until, problem.ignored_until_count
    return (until is not None and moment >= until) or (number is not None and problem.count >= number)


def resolve(problems: "QuerySet[Problem]", version: str | None = None) -> int:
    """Resolves the problems, in `version`, or each in the last version it was seen in. Returns how many."""
    return problems.update(
        state=State.RESOLVED,
        resolved_in=F("last_version") if version is None else version,
        resolved_at=now(),
        ignored_until=None,
        ignored_until_count=None,
    )


def ignore(problems: "QuerySet[Problem]", *, until: datetime | None = None, more: int | None = None) -> int:
    """Ignores the problems: for ever, until a moment, or until `more` notices have come. Returns how many."""
    return problems.update(
        state=State.IGNORED,
        ignored_until=until,
        ignored_until_count=None if more is None else F("count") + more,
    )


def reopen(problems: "QuerySet[Problem]") -> int:
    """Opens the problems. Returns how many."""
    return problems.update(state=State.OPEN, ignored_until=None, ignored_until_count=None)


def merge(problems: "QuerySet[Problem]") -> Problem:
    """Makes the problems one, the one seen first; later notices of any of them come to it.

    Raises ValueError where they belong to several apps, or are none.
    """
    using = problems.db
    with transaction.atomic(using=using):
        locked = list(problems.order_by("pk").select_for_update())
        if len({problem.app_id for problem in locked}) != 1:
            raise ValueError("problems of different apps cannot be merged")
        target = min(locked, key=lambda problem: (problem.first_seen, problem.pk))
        for problem in locked:
            if problem.pk != target.pk:
                _move(problem, target, using)
        target.save(using=using)
    return target


def _move(problem: Problem, target: Problem, using: str) -> None:
    """Gives all that a problem has to the target, whose notices are numbered on, and deletes it."""
    Fingerprint.objects.using(using).filter(problem=problem).update(problem=target)
    Receipt.objects.using(using).filter(problem=problem).update(problem=target)
    Notice.objects.using(using).filter(problem=problem).update(
        problem=target, number=F("number") + target.count
    )
    for hour in Hour.objects.using(using).filter(problem=problem):
        row, _ = Hour.objects.using(using).get_or_create(problem=target, hour=hour.hour)
        Hour.objects.using(using).filter(pk=row.pk).update(count=F("count") + hour.count)
    target.count += problem.count
    if problem.last_seen > target.last_seen:
        target.last_seen, target.last_version = problem.last_seen, problem.last_version
        target.message, target.severity = problem.message, problem.severity
    problem.delete(using=using)
