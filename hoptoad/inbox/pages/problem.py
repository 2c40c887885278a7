"""What the page about one problem says: put together here, laid out by its template."""

from datetime import datetime
from functools import cached_property
from itertools import starmap
from typing import NamedTuple

from django.db.models import QuerySet

from hoptoad.inbox.models import Deploy, Problem
from hoptoad.inbox.pages import bars, visible
from hoptoad.inbox.pages.kept import Fact, Kept, Step
from hoptoad.inbox.pages.shown_notice import ShownNotice
from hoptoad.inbox.pages.status import Status, has_regressed, status_of
from hoptoad.inbox.pages.visible import Row

_MOST_DEPLOYS = 30
_MOST_KEYS = 20
_EXCERPT = 400  # characters of a long message
_EXCERPT_LINES = 6


class DeployMark(NamedTuple):
    """A deploy beside the bars."""

    name: str
    at: datetime
    who: str


class ProblemPage:
    """Everything that the template needs, by six queries."""

    def __init__(self, problem: Problem, number: int | None, now: datetime) -> None:
        self.problem = problem
        self.kept = Kept(problem)
        self.number = number if number is not None else self.kept.numbers[-1] if len(self.kept) else None
        found = problem.notices.filter(number=self.number).first() if self.number is not None else None
        self.shown = None if found is None else ShownNotice(found)
        deploys = _deploys(problem).filter(at__gte=bars.two_weeks_before(now)).order_by("-at")[:_MOST_DEPLOYS]
        self.weeks = bars.of_two_weeks(problem, deploys, now)
        self.deploys = [
            DeployMark(visible.line(str(item), 60), item.at, visible.line(item.user, 60)) for item in deploys
        ]
        self.keys = [_parts(key.text) for key in problem.fingerprints.all()[:_MOST_KEYS]]

    @property
    def title(self) -> str:
        return visible.line(self.problem.class_name) or "Unknown error"

    @cached_property
    def message(self) -> str:
        """The shown notice's own; the problem's where none is kept. Empty where it is only the class."""
        errors = self.shown.errors if self.shown else ()
        found = errors[0].message if errors else visible.url(self.problem.message)
        return "" if found == self.title else found

    @cached_property
    def excerpt(self) -> str:
        """The beginning of a long message; all of a short one."""
        lines = self.message[:_EXCERPT].split("\n")[:_EXCERPT_LINES]
        found = "\n".join(lines)
        return found if found == self.message else f"{found}…"

    @property
    def place(self) -> str:
        return visible.place(self.problem.place)

    @property
    def environment(self) -> str:
        return visible.line(self.problem.environment, 100)

    @property
    def severity(self) -> str:
        return visible.line(self.problem.severity, 20)

    @property
    def count(self) -> str:
        return f"{self.problem.count:,}"

    @property
    def last_day(self) -> str:
        return f"{self.weeks.last_day:,}"

    @property
    def versions(self) -> tuple[str, str]:
        """The first and the latest."""
        return visible.line(self.problem.first_version, 100), visible.line(self.problem.last_version, 100)

    @property
    def steps(self) -> list[Step]:
        return [] if self.number is None else self.kept.steps(self.number)

    @cached_property
    def facts(self) -> list[Fact]:
        return self.kept.facts()

    @cached_property
    def status(self) -> Status:
        """Its state, and the sentence that explains it."""
        return status_of(self.problem, self._regression_deploy)

    @property
    def _regression_deploy(self) -> Deploy | None:
        version = self.problem.regressed_in
        if not version or not has_regressed(self.problem):
            return None
        return _deploys(self.problem).filter(version=version).order_by("-at").first()


def _parts(key: str) -> list[Row]:
    """The parts of a fingerprint's text by their names; the message may hold the separator too."""
    environment, _, rest = key.partition(" | ")
    class_name, _, rest = rest.partition(" | ")
    message, _, place = rest.rpartition(" | ")
    parts = environment, class_name, message, place
    return list(starmap(visible.row, zip(("Environment", "Class", "Message", "Place"), parts, strict=True)))


def _deploys(problem: Problem) -> QuerySet[Deploy]:
    return Deploy.objects.filter(app=problem.app_id, environment__in=("", problem.environment))
