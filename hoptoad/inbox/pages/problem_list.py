"""The admin's list of problems: columns, filters, search, actions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import now

from hoptoad.conf.loading import get_settings
from hoptoad.inbox import states
from hoptoad.inbox.models import Problem
from hoptoad.inbox.pages import visible
from hoptoad.inbox.pages.decisions import DATE, IGNORE, REOPEN, RESOLVE, Decision, ListActionForm
from hoptoad.inbox.pages.listing import (
    AppFilter,
    BoundedPaginator,
    EnvironmentFilter,
    ProblemList,
    SeenFilter,
    SeverityFilter,
    StateFilter,
    VersionFilter,
    searched,
)
from hoptoad.inbox.pages.status import badge, name_of
from hoptoad.inbox.pages.times import time

if TYPE_CHECKING:
    _ProblemAdmin = admin.ModelAdmin[Problem]
else:
    _ProblemAdmin = admin.ModelAdmin  # takes no parameter where it runs

STYLE: dict[str, Sequence[str]] = {"all": ("hoptoad_inbox/inbox.css",)}


class ProblemListAdmin(_ProblemAdmin):
    """The list of problems, with its columns and actions. Problems are made by notices, never by hand."""

    list_display = ("problem", "last_day", "number", "seen")
    list_display_links = None
    list_filter = (StateFilter, AppFilter, EnvironmentFilter, SeenFilter, VersionFilter, SeverityFilter)
    list_select_related = ("app",)
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = BoundedPaginator
    search_fields = ("class_name", "message", "place")
    search_help_text = "Words of the class, the message or the place, or the id of a notice."
    ordering = ("-last_seen", "-id")
    action_form = ListActionForm
    actions = (
        "resolve",
        "ignore",
        "ignore_for_a_day",
        "ignore_until_a_date",
        "ignore_until_100_more",
        "reopen",
        "merge",
    )
    change_list_template = "hoptoad_inbox/list.html"

    class Media:
        css = STYLE

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Problem]":
        return super().get_queryset(request).select_related("app")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ProblemList]:
        return ProblemList

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Problem]", search_term: str
    ) -> "tuple[QuerySet[Problem], bool]":
        return searched(queryset, search_term), False

    def changelist_view(
        self, request: HttpRequest, extra_context: "dict[str, Any] | None" = None
    ) -> HttpResponse:
        context = {
            "title": "Problems",
            "is_site": apps.is_installed("hoptoad"),
            "is_handler": get_settings().handler == "inbox",
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    # Columns

    @admin.display(description="problem", ordering="class_name")
    def problem(self, problem: Problem) -> SafeString:
        name, place = name_of(problem), visible.place(problem.place, 150)
        return format_html(
            '<span class="hoptoad-clamp">{}<a class="hoptoad-class" href="{}">{}</a> {}</span>'
            '<span class="hoptoad-place">{}<span class="hoptoad-quiet">{}</span></span>',
            "" if name == "open" else badge(name),
            self.page_of(problem),
            visible.line(problem.class_name, 100) or "Unknown error",
            visible.line(problem.message, 300) if problem.message != problem.class_name else "",
            format_html("<code>{}</code> ", place) if place else "",
            _origin(problem),
        )

    @admin.display(description="last 24 hours")
    def last_day(self, problem: Problem) -> SafeString:
        drawing: SafeString = problem.day  # type: ignore[attr-defined]
        return drawing

    @admin.display(description="notices", ordering="count")
    def number(self, problem: Problem) -> str:
        return f"{problem.count:,}"

    @admin.display(description="last seen", ordering="last_seen")
    def seen(self, problem: Problem) -> SafeString:
        moment = now()
        if problem.count == 1:
            return time(problem.last_seen, moment)
        return format_html(
            '{} <span class="hoptoad-quiet hoptoad-first">first {}</span>',
            time(problem.last_seen, moment),
            time(problem.first_seen, moment),
        )

    # Actions of the list

    @admin.action(description="Resolve", permissions=["change"])
    def resolve(self, request: HttpRequest, queryset: "QuerySet[Problem]") -> None:
        version = request.POST.get("version", "").strip()
        self.decide(request, queryset, decision=RESOLVE, **({"version": version} if version else {}))

    @admin.action(description="Ignore until reopened", permissions=["change"])
    def ignore(self, request: HttpRequest, queryset: "QuerySet[Problem]") -> None:
        self.decide(request, queryset, decision=IGNORE)

    @admin.action(description="Ignore for a day", permissions=["change"])
    def ignore_for_a_day(self, request: HttpRequest, queryset: "QuerySet[Problem]") -> None:
        self.decide(request, queryset, decision=IGNORE, until="day")

    @admin.action(description="Ignore until a date", permissions=["change"])
    def ignore_until_a_date(self, request: HttpRequest, queryset: "QuerySet[Problem]") -> None:
        self.decide(request, queryset, decision=IGNORE, until=DATE, date=request.POST.get("date", ""))

    @admin.action(description="Ignore until 100 more", permissions=["change"])
    def ignore_until_100_more(self, request: HttpRequest, queryset: "QuerySet[Problem]") -> None:
        self.decide(request, queryset, decision=IGNORE, until="100")

    @admin.action(description="Reopen", permissions=["change"])
    def reopen(self, request: HttpRequest, queryset: "QuerySet[Problem]") -> None:
        self.decide(request, queryset, decision=REOPEN)

    @admin.action(description="Merge into the one seen first", permissions=["change"])
    def merge(self, request: HttpRequest, queryset: "QuerySet[Problem]") -> None:
        number = queryset.count()
        if number < 2:
            self.message_user(request, "Choose two problems or more.", messages.WARNING)
            return
        try:
            target = states.merge(Problem.objects.filter(pk__in=list(queryset.values_list("pk", flat=True))))
        except ValueError as error:
            self.message_user(request, f"Not merged: {error}.", messages.ERROR)
            return
        told = f"Merged {number:,} problems into one."
        self.log_change(request, target, told)
        self.message_user(request, told, messages.SUCCESS)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> "tuple[list[str], dict[str, int], set[str], list[str]]":
        """Only the problems: the admin would load every notice of them to name it."""
        names = [visible.line(str(problem)) for problem in list(objs)[:100]]
        perms = set() if self.has_delete_permission(request) else {str(self.opts.verbose_name)}
        return names, {"problems, with all of their notices": len(objs)}, perms, []

    def decide(self, request: HttpRequest, problems: "QuerySet[Problem]", **data: object) -> None:
        form = Decision(data)
        if not form.is_valid():
            self.message_user(request, f"Nothing was changed. {form.refusal}", messages.ERROR)
            return
        changed = list(problems)
        told = form.apply(Problem.objects.filter(pk__in=[problem.pk for problem in changed]))
        LogEntry.objects.log_actions(request.user.pk, changed, CHANGE, change_message=told)  # type: ignore[arg-type]
        number = f" ({len(changed):,} problems)" if len(changed) > 1 else ""
        self.message_user(request, f"{told}{number}", messages.SUCCESS)

    def page_of(self, problem: Problem) -> str:
        return self.url_of("change", problem.pk)

    def url_of(self, name: str, *args: object) -> str:
        return reverse(f"admin:hoptoad_inbox_problem_{name}", args=args, current_app=self.admin_site.name)


def _origin(problem: Problem) -> str:
    """The app, the environment, and a severity that is not the usual one."""
    severity = "" if problem.severity == "error" else visible.line(problem.severity, 20)
    return " · ".join(filter(None, (problem.app.name, visible.line(problem.environment, 60), severity)))
