"""Stores what has arrived: one transaction for a batch, exact counts with many processes.

A problem's row is locked while its counters move, so all that belongs to it is read and written in turn.
Where two processes make the same problem at once, a constraint refuses one of them: it tries again.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, connections, transaction
from django.db.models import F, Q

from hoptoad.inbox import retention, states
from hoptoad.inbox.arrivals import Arrival
from hoptoad.inbox.models import SCHEME, Fingerprint, Hour, Notice, Problem, Receipt, hour_of
from hoptoad.inbox.states import Alert

Key = tuple[int, str]  # app and digest

# The columns that a notice moves.
_CHANGING = (
    "class_name message place component action severity state regressed_at regressed_in ignored_until "
    "ignored_until_count last_seen first_version last_version count"
).split()


class Flood:
    """How many notices of each problem this process has kept in this minute."""

    def __init__(self) -> None:
        self._minute: datetime | None = None
        self._kept: Counter[int] = Counter()

    def has_room(self, problem: Problem, moment: datetime) -> bool:
        """Whether another notice may be kept; the first ones of a problem always are."""
        minute = moment.replace(second=0, microsecond=0)
        if minute != self._minute:
            self._minute = minute
            self._kept.clear()
        self._kept[problem.pk] += 1
        return problem.count <= retention.FIRST or self._kept[problem.pk] <= retention.PER_MINUTE


@dataclass(slots=True)
class Stored:
    """What became of a batch."""

    counted: int = 0
    alerts: list[Alert] = field(default_factory=list)


def store(batch: Sequence[Arrival], using: str, flood: Flood) -> Stored:
    """Counts and keeps a batch in one transaction. Each id counts once. Raises DatabaseError.

    An IntegrityError or OperationalError leaves nothing behind: the same batch may be stored again.
    """
    fresh = list({(arrival.app_id, arrival.client_id): arrival for arrival in batch}.values())
    try:
        with transaction.atomic(using=using):
            return _store(fresh, using, flood)
    except IntegrityError:  # one was counted before, or another process has made its problem meanwhile
        with transaction.atomic(using=using):
            return _store(_uncounted(fresh, using), using, flood)


def _store(fresh: list[Arrival], using: str, flood: Flood) -> Stored:
    problems = _problems(fresh, using)
    before = {problem.pk: problem.count for problem in problems.values()}
    stored = Stored(len(fresh))
    kept: list[Notice] = []
    hours: Counter[tuple[int, datetime]] = Counter()
    for arrival in fresh:
        problem = problems[_key(arrival)]
        alert = states.count(problem, arrival)
        if alert is not None:
            stored.alerts.append(alert)
        hours[problem.pk, hour_of(arrival.received)] += 1
        if flood.has_room(problem, arrival.received):
            kept.append(_notice(problem, arrival))
    by_id = {problem.pk: problem for problem in problems.values()}
    _update(list(by_id.values()), using)
    _save_hours(hours, using)
    _keep(kept, by_id, before, using)
    Receipt.objects.using(using).bulk_create(
        Receipt(app_id=arrival.app_id, client_id=arrival.client_id, problem=problems[_key(arrival)])
        for arrival in fresh
    )
    return stored


def _uncounted(batch: list[Arrival], using: str) -> list[Arrival]:
    """Those whose ids have no receipt yet."""
    found = Receipt.objects.using(using).filter(
        app_id__in={arrival.app_id for arrival in batch},
        client_id__in={arrival.client_id for arrival in batch},
    )
    counted = set(found.values_list("app_id", "client_id"))
    return [arrival for arrival in batch if (arrival.app_id, arrival.client_id) not in counted]


def _problems(fresh: list[Arrival], using: str) -> dict[Key, Problem]:
    """The problem of each group, locked; made where there is none."""
    first = {_key(arrival): arrival for arrival in reversed(fresh)}
    bound = Fingerprint.objects.using(using).filter(
        scheme=SCHEME,
        app_id__in={app for app, _ in first},
        digest__in={digest for _, digest in first},
    )
    locked = bound.select_related("problem").order_by("problem_id").select_for_update()
    problems: dict[int, Problem] = {}  # one object for each, whatever leads to it
    found = {
        (row.app_id, row.digest): problems.setdefault(row.problem_id, row.problem)
        for row in locked
        if (row.app_id, row.digest) in first
    }
    return {**found, **_made({key: first[key] for key in sorted(first.keys() - found.keys())}, using)}


def _made(first: dict[Key, Arrival], using: str) -> dict[Key, Problem]:
    problems = {key: _problem(arrival) for key, arrival in first.items()}
    for problem in problems.values():  # one by one: not every database tells the ids of many
        problem.save(using=using, force_insert=True)
    Fingerprint.objects.using(using).bulk_create(
        Fingerprint(
            app_id=app, problem=problem, scheme=SCHEME, digest=digest, text=first[app, digest].group.text
        )
        for (app, digest), problem in problems.items()
    )
    return problems


def _problem(arrival: Arrival) -> Problem:
    return Problem(
        app_id=arrival.app_id,
        environment=arrival.group.environment,
        class_name=arrival.group.class_name,
        place=arrival.group.place,
        first_seen=arrival.received,
        last_seen=arrival.received,
        first_version=arrival.version,
    )


def _key(arrival: Arrival) -> Key:
    return arrival.app_id, arrival.group.digest


def _notice(problem: Problem, arrival: Arrival) -> Notice:
    return Notice(
        problem=problem,
        number=problem.count,
        received=arrival.received,
        host=arrival.host,
        user=arrival.user,
        url=arrival.url,
        agent=arrival.agent,
        version=arrival.version,
        client_id=arrival.client_id,
        kind=arrival.kind,
        document=arrival.document,
    )


def _save_hours(counts: "Counter[tuple[int, datetime]]", using: str) -> None:
    """Adds to the rows of hours; those of a problem change only while its row is locked."""
    hours = Hour.objects.using(using)
    for (problem, hour), count in counts.items():
        if not hours.filter(problem=problem, hour=hour).update(count=F("count") + count):
            hours.create(problem_id=problem, hour=hour, count=count)


def _keep(kept: list[Notice], problems: dict[int, Problem], before: dict[int, int], using: str) -> None:
    notices = Notice.objects.using(using)
    outdated = Q()
    for pk, problem in problems.items():
        if numbers := retention.outdated(before[pk], problem.count):
            outdated |= Q(problem=pk, number__in=numbers)
    if outdated:
        notices.filter(outdated).delete()
    notices.bulk_create(
        notice for notice in kept if retention.is_kept(notice.number, problems[notice.problem_id].count)
    )


def _update(problems: list[Problem], using: str) -> None:
    """All of them in one statement."""
    has_target = connections[using].features.supports_update_conflicts_with_target
    Problem.objects.using(using).bulk_create(
        problems,
        update_conflicts=True,
        update_fields=_CHANGING,
        unique_fields=("id",) if has_target else None,
    )
