"""Stores what has arrived: one transaction for a batch, exact counts with many processes.

A problem's row is locked while its counters move, so all that belongs to it is read and written in turn.
Where two processes make the same problem at once, a constraint refuses one of them: it tries again.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction

from hoptoad.inbox import retention, states
from hoptoad.inbox.arrivals import Arrival
from hoptoad.inbox.models import SCHEME, Fingerprint, Problem, Receipt, hour_of
from hoptoad.inbox.statements import Row, Statements
from hoptoad.inbox.states import Alert

Key = tuple[int, str]  # app and digest


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
    if not fresh:
        return Stored()
    statements = Statements(using)
    problems = _problems(fresh, statements, using)
    by_id = {problem.pk: problem for problem in problems.values()}
    before = {pk: problem.count for pk, problem in by_id.items()}
    stored = Stored(len(fresh))
    kept: list[Row] = []
    hours: Counter[tuple[int, datetime]] = Counter()
    for arrival in fresh:
        problem = problems[_key(arrival)]
        alert = states.count(problem, arrival)
        if alert is not None:
            stored.alerts.append(alert)
        hours[problem.pk, hour_of(arrival.received)] += 1
        if flood.has_room(problem, arrival.received):
            kept.append(_notice(problem, arrival))
    statements.save(by_id.values())
    statements.count(hours)
    for pk, problem in by_id.items():
        statements.delete(pk, retention.outdated(before[pk], problem.count))
    statements.keep([row for row in kept if retention.is_kept(row["number"], by_id[row["problem_id"]].count)])
    statements.receive([_receipt(problems[_key(arrival)], arrival) for arrival in fresh])
    return stored


def _uncounted(batch: list[Arrival], using: str) -> list[Arrival]:
    """Those whose ids have no receipt yet."""
    found = Receipt.objects.using(using).filter(
        app_id__in={arrival.app_id for arrival in batch},
        client_id__in={arrival.client_id for arrival in batch},
    )
    counted = set(found.values_list("app_id", "client_id"))
    return [arrival for arrival in batch if (arrival.app_id, arrival.client_id) not in counted]


def _problems(fresh: list[Arrival], statements: Statements, using: str) -> dict[Key, Problem]:
    """The problem of each group, locked; made where there is none."""
    first = {_key(arrival): arrival for arrival in reversed(fresh)}
    bound = statements.problems({app for app, _ in first}, {digest for _, digest in first})
    problems: dict[int, Problem] = {}  # one object for each, whatever leads to it
    found = {
        key: problems.setdefault(problem.pk, problem)
        for digest, problem in bound
        if (key := (problem.app_id, digest)) in first
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


def _notice(problem: Problem, arrival: Arrival) -> Row:
    return {
        "problem_id": problem.pk,
        "number": problem.count,
        "received": arrival.received,
        "host": arrival.host,
        "user": arrival.user,
        "url": arrival.url,
        "agent": arrival.agent,
        "version": arrival.version,
        "client_id": arrival.client_id,
        "kind": arrival.kind,
        "document": arrival.document,
    }


def _receipt(problem: Problem, arrival: Arrival) -> Row:
    return {"app_id": arrival.app_id, "client_id": arrival.client_id, "problem_id": problem.pk}
