"""Filters, search and pages of the list: they count no notices, and never go over all problems."""

import re
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.timezone import now

from hoptoad.inbox.models import App, Notice, Problem, Receipt, State
from hoptoad.inbox.pages import bars, visible

MOST_COUNTED = 10_000  # problems that are counted for the number of pages
_LATEST = 1_000  # problems whose versions the filter offers
_MOST_CHOICES = 30
_NOTICE_ID = re.compile(r"[0-9a-fA-F-]{20,64}|[0-9]{10,20}")

Choices = list[tuple[str, str]]


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts at most MOST_COUNTED rows: a list of a million has as many pages as anyone opens."""

    @cached_property
    def count(self) -> int:
        return int(self.object_list.order_by()[:MOST_COUNTED].count())  # type: ignore[attr-defined]


class ProblemList(ChangeList):
    """The admin's list, with the bars of its rows from one query."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.query:  # else the page offers to show "all", which are the open ones
            self.full_result_count = self.result_count
        problems = list(self.result_list)
        drawn = bars.of_the_day(problems, now())
        for problem in problems:
            problem.day = drawn[problem.pk]
        self.result_list = problems

    @property
    def is_filtered(self) -> bool:
        """Whether somebody has chosen what the list shows."""
        return bool(self.query or self.has_active_filters)

    @property
    def is_first_use(self) -> bool:
        """Whether no problem has ever come: asked only where the list is empty."""
        return not Problem.objects.exists()


class _Filter(admin.SimpleListFilter):
    column = ""

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset.filter(**{self.column: self.value()}) if self.value() else queryset


class StateFilter(_Filter):
    """Open problems, unless others are asked for."""

    title = "state"
    parameter_name = "state"
    column = "state"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> Choices:
        return [*State.choices, ("regressed", "regressed after it was resolved"), ("all", "all")]

    def value(self) -> str:
        return super().value() or State.OPEN

    def choices(self, changelist: ChangeList) -> Any:
        """Without the admin's own "All", which would mean the open ones."""
        found = iter(super().choices(changelist))
        next(found)
        return found

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        if self.value() == "all":
            return queryset
        if self.value() == "regressed":
            return queryset.filter(state=State.OPEN, regressed_at__gte=F("resolved_at"))
        return super().queryset(request, queryset)


class AppFilter(_Filter):
    title = "app"
    parameter_name = "app"
    column = "app"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> Choices:
        return _some(
            [(str(key), name) for key, name in App.objects.values_list("pk", "name")[:200]],
            self.value(),
        )

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        return queryset if (self.value() or "0").isdigit() is False else super().queryset(request, queryset)


class EnvironmentFilter(_Filter):
    title = "environment"
    parameter_name = "environment"
    column = "environment"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> Choices:
        return _some(_latest(request, "environment"), self.value())


class VersionFilter(_Filter):
    """The version of a problem's latest notice."""

    title = "latest version"
    parameter_name = "version"
    column = "last_version"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> Choices:
        return _some(_latest(request, "last_version"), self.value())


class SeverityFilter(_Filter):
    title = "severity"
    parameter_name = "severity"
    column = "severity"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> Choices:
        return _some(_latest(request, "severity"), self.value())


class SeenFilter(admin.SimpleListFilter):
    title = "last seen"
    parameter_name = "seen"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Any]") -> Choices:
        return [("1", "in the last hour"), ("24", "in the last day"), ("168", "in the last week")]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        if self.value() not in ("1", "24", "168"):
            return queryset
        return queryset.filter(last_seen__gte=now() - timedelta(hours=int(self.value() or 0)))


def searched(queryset: "QuerySet[Problem]", words: str) -> "QuerySet[Problem]":
    """The problems with each of the words in class, message or place, or that of a notice's id."""
    keys = problems_of_notice(words.strip())
    if keys:
        return Problem.objects.filter(pk__in=keys)
    for word in words.split()[:10]:
        queryset = queryset.filter(
            Q(class_name__icontains=word) | Q(message__icontains=word) | Q(place__icontains=word)
        )
    return queryset


def problems_of_notice(notice_id: str) -> set[int]:
    """The problems that counted a notice with this id."""
    if not _NOTICE_ID.fullmatch(notice_id):
        return set()
    ids = {notice_id, notice_id.lower(), notice_id.replace("-", "").lower()}
    kept = Notice.objects.filter(client_id__in=ids).values_list("problem", flat=True)
    counted = Receipt.objects.filter(app__in=App.objects.values("pk"), client_id__in=ids)
    return {*kept[:10], *counted.values_list("problem", flat=True)[:10]}


def _latest(request: HttpRequest, column: str) -> Choices:
    """What the latest problems have in a column: one query for all of the filters."""
    columns = ("environment", "last_version", "severity")
    found = getattr(request, "hoptoad_latest", None)
    if found is None:
        found = list(Problem.objects.order_by("-last_seen").values_list(*columns)[:_LATEST])
        request.hoptoad_latest = found  # type: ignore[attr-defined]
    names = dict.fromkeys(row[columns.index(column)] for row in found)
    return [(name, visible.line(name, 60)) for name in names if name][:_MOST_CHOICES]


def _some(choices: Choices, chosen: "str | None") -> Choices:
    """Choices of a filter: none where there is nothing to choose; what was chosen is among them."""
    if chosen and chosen not in dict(choices):
        choices.append((chosen, visible.line(chosen, 60)))
    return choices if len(choices) > 1 or chosen else []
