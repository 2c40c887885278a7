"""The kept notices of a problem: counts of what they say, and steps from one to another."""

from collections import Counter
from collections.abc import Callable
from itertools import starmap
from typing import NamedTuple

from hoptoad.inbox.models import Problem
from hoptoad.inbox.pages import visible
from hoptoad.inbox.pages.agents import browser

_MOST_IN_A_FACT = 5


class Share(NamedTuple):
    """How many of the kept notices have one text."""

    text: str
    number: int
    href: str


class Fact(NamedTuple):
    """What the kept notices say of one thing: the most frequent texts."""

    title: str
    shares: tuple[Share, ...]
    more: int  # how many other texts there are


class Step(NamedTuple):
    """A link to another kept notice; no number where there is none."""

    title: str
    number: int | None
    rel: str = ""


class Kept:
    """The kept notices of a problem, without their documents: one query."""

    def __init__(self, problem: Problem) -> None:
        names = [name for name, _, _ in _FACTS]
        self._found = list(problem.notices.order_by("number").values("number", *names))
        self.numbers = [row["number"] for row in self._found]

    def __len__(self) -> int:
        return len(self.numbers)

    def facts(self) -> list[Fact]:
        """Counts by host, user and so on, of the notices that say something of it."""
        return [fact for fact in starmap(self._fact, _FACTS) if fact.shares]

    def _fact(self, name: str, title: str, counted: Callable[[str], str]) -> Fact:
        counts = Counter(counted(str(row[name])) for row in self._found if row[name])
        most = counts.most_common(_MOST_IN_A_FACT)
        shares = tuple(Share(visible.line(text), number, visible.link(text)) for text, number in most)
        return Fact(title, shares, len(counts) - len(most))

    def steps(self, number: int) -> list[Step]:
        """First, older, newer, latest: seen from one of them."""
        older = [other for other in self.numbers if other < number]
        newer = [other for other in self.numbers if other > number]
        return [
            Step("First", self.numbers[0] if older else None),
            Step("Older", older[-1] if older else None, "prev"),
            Step("Newer", newer[0] if newer else None, "next"),
            Step("Latest", self.numbers[-1] if newer else None),
        ]


def _without_query(text: str) -> str:
    return text.partition("?")[0] if text.startswith(("http://", "https://", "/")) else text


# Columns of a notice, their titles, and what of their texts is counted.
_FACTS = (
    ("host", "Hosts", str),
    ("user", "Users", str),
    ("url", "Addresses", _without_query),
    ("agent", "Browsers and clients", browser),
    ("version", "Versions", str),
)
