"""Bars over time as inline SVG. Classes give the colours: no style stands in the page."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from hoptoad.inbox.models import Deploy, Hour, Problem, hour_of
from hoptoad.inbox.pages import visible
from hoptoad.inbox.pages.times import local

DAY = 24  # hours, and bars of the list
DAYS = 14
_HOURS_IN_BAR = 6
_WIDTH, _HEIGHT = 8, 32  # of a bar with its gap, and of the tallest one


class TwoWeeks(NamedTuple):
    """The bars of a problem's page, and what they say in numbers."""

    drawing: SafeString
    days: list[str]  # below the bars, every second one
    total: int
    last_day: int
    most: int  # in the fullest bar

    @property
    def peak(self) -> str:
        """The fullest bar in words."""
        return f"at most {self.most:,} in {_HOURS_IN_BAR} hours" if self.most else "none"


class _Mark(NamedTuple):
    name: str
    at: int  # in the units of the drawing


def of_the_day(problems: Sequence[Problem], now: datetime) -> dict[int, SafeString]:
    """For each problem its last 24 hours; one query for all of them."""
    start = hour_of(now) - timedelta(hours=DAY - 1)
    counts: dict[int, dict[datetime, int]] = {}
    found = Hour.objects.filter(problem__in=[problem.pk for problem in problems], hour__gte=start)
    for key, hour, count in found.values_list("problem", "hour", "count"):
        counts.setdefault(key, {})[hour] = count
    return {problem.pk: _day(counts.get(problem.pk, {}), start) for problem in problems}


def of_two_weeks(problem: Problem, deploys: Iterable[Deploy], now: datetime) -> TwoWeeks:
    """A problem's last 14 days in bars of six hours, with lines where deploys were."""
    start, day = two_weeks_before(now), hour_of(now) - timedelta(hours=DAY - 1)
    hours = dict(Hour.objects.filter(problem=problem, hour__gte=start).values_list("hour", "count"))
    bars = [0] * (DAYS * DAY // _HOURS_IN_BAR)
    for hour, count in hours.items():
        index = (hour - start) // timedelta(hours=_HOURS_IN_BAR)
        if 0 <= index < len(bars):
            bars[index] += count
    names = [
        f"{local(start + timedelta(hours=_HOURS_IN_BAR * index)):%a %d %b, %H:%M}"
        for index in range(len(bars))
    ]
    marks = [
        _Mark(
            visible.line(str(deploy), 60),
            (deploy.at - start) // timedelta(minutes=_HOURS_IN_BAR * 60 // _WIDTH),
        )
        for deploy in deploys
        if deploy.at >= start
    ]
    label = f"{sum(bars):,} notices in the last {DAYS} days, at most {max(bars):,} in {_HOURS_IN_BAR} hours"
    return TwoWeeks(
        _drawing(bars, names, label, "hoptoad-bars hoptoad-bars-weeks", marks),
        [f"{local(start + timedelta(days=number)):%d %b}" for number in range(0, DAYS, 2)],
        sum(bars),
        sum(count for hour, count in hours.items() if hour >= day),
        max(bars),
    )


def two_weeks_before(now: datetime) -> datetime:
    """The beginning of the first bar."""
    end = hour_of(now) + timedelta(hours=1)
    return end - timedelta(days=DAYS)


def _day(counts: Mapping[datetime, int], start: datetime) -> SafeString:
    hours = [start + timedelta(hours=index) for index in range(DAY)]
    bars = [counts.get(hour, 0) for hour in hours]
    if not any(bars):
        return format_html('<span class="hoptoad-quiet">{}</span>', "none")
    label = f"{sum(bars):,} in the last {DAY} hours, at most {max(bars):,} in one"
    return _drawing(bars, [f"{local(hour):%H:%M}" for hour in hours], label, "hoptoad-bars", ())


def _drawing(
    bars: Sequence[int], names: Sequence[str], label: str, classes: str, marks: Sequence[_Mark]
) -> SafeString:
    most = max(bars)
    drawn = format_html_join(
        "",
        '<rect class="hoptoad-bar" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        (
            (index * _WIDTH + 1, _HEIGHT - height, _WIDTH - 2, height, f"{name}: {count:,}")
            for index, (count, name) in enumerate(zip(bars, names, strict=True))
            if (height := _height(count, most))
        ),
    )
    lines = format_html_join(
        "",
        '<rect class="hoptoad-mark" x="{}" y="0" width="1" height="{}"><title>{}</title></rect>',
        ((mark.at, _HEIGHT, f"Deploy of {mark.name}") for mark in marks),
    )
    return format_html(
        '<svg class="{}" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect class="hoptoad-base" x="0" y="{}" width="{}" height="1"></rect>{}{}</svg>',
        classes,
        len(bars) * _WIDTH,
        _HEIGHT,
        label,
        _HEIGHT - 1,
        len(bars) * _WIDTH,
        drawn,
        lines,
    )


def _height(count: int, most: int) -> int:
    return max(3, count * _HEIGHT // most) if count else 0
