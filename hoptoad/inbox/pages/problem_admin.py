"""The admin's pages about one problem: with a notice, as text, as received, by the id of a notice."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms import Media
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.timezone import now
from django.views.decorators.http import require_POST

from hoptoad.inbox.models import Notice, Problem
from hoptoad.inbox.pages.decisions import Decision
from hoptoad.inbox.pages.listing import problems_of_notice
from hoptoad.inbox.pages.problem import ProblemPage
from hoptoad.inbox.pages.problem_list import STYLE, ProblemListAdmin
from hoptoad.inbox.pages.text import as_summary, as_text


class ProblemAdmin(ProblemListAdmin):
    """Registered with the admin: the list, and the pages about each problem."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        name = "hoptoad_inbox_problem"
        notice = "<int:key>/notices/<int:number>/"
        return [
            path("notice/<str:notice_id>/", view(self.locate_view), name=f"{name}_locate"),
            path("<int:key>/decide/", view(require_POST(self.decide_view)), name=f"{name}_decide"),
            path("<int:key>/text/", view(self.text_view), name=f"{name}_text"),
            path(notice, view(self.notice_view), name=f"{name}_notice"),
            path(f"{notice}text/", view(self.text_view), name=f"{name}_notice_text"),
            path(f"{notice}document/", view(self.document_view), name=f"{name}_document"),
            *super().get_urls(),
        ]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: "dict[str, Any] | None" = None,
    ) -> HttpResponse:
        """The page about a problem, with its latest notice."""
        problem = self.get_object(request, object_id)
        if problem is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined, no-any-return]
        return self._problem_view(request, problem, None)

    def notice_view(self, request: HttpRequest, key: int, number: int) -> HttpResponse:
        """The page about a problem, with one of its kept notices."""
        problem = self._found(request, key)
        if not problem.notices.filter(number=number).exists():
            self.message_user(request, f"Notice {number} is not kept any more.", messages.WARNING)
            return HttpResponseRedirect(self.page_of(problem))
        return self._problem_view(request, problem, number)

    def text_view(self, request: HttpRequest, key: int, number: "int | None" = None) -> HttpResponse:
        """The problem and a notice as plain text."""
        problem = self._found(request, key)
        address = request.build_absolute_uri(self.page_of(problem))
        return _plain(as_text(ProblemPage(problem, number, now()), address))

    def document_view(self, request: HttpRequest, key: int, number: int) -> HttpResponse:
        """The document as it was received: nothing in it is masked, so it wants the permission to change."""
        problem = self._found(request, key)
        if not self.has_change_permission(request, problem):
            raise PermissionDenied
        notice = problem.notices.filter(number=number).first()
        if notice is None:
            raise Http404
        return _plain(notice.raw)

    def locate_view(self, request: HttpRequest, notice_id: str) -> HttpResponse:
        """From the id on an error page, or in an answer, to the problem."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        kept = (
            Notice.objects.filter(client_id__in=(notice_id, notice_id.lower())).order_by("-received").first()
        )
        if kept is not None:
            return HttpResponseRedirect(self.url_of("notice", kept.problem_id, kept.number))
        for key in problems_of_notice(notice_id):
            return HttpResponseRedirect(self.url_of("change", key))
        self.message_user(request, "No notice with this id was received.", messages.WARNING)
        return HttpResponseRedirect(self.url_of("changelist"))

    def decide_view(self, request: HttpRequest, key: int) -> HttpResponse:
        """Resolves, ignores or reopens a problem."""
        problem = self._found(request, key)
        if not self.has_change_permission(request, problem):
            raise PermissionDenied
        self.decide(request, Problem.objects.filter(pk=problem.pk), **request.POST.dict())
        return HttpResponseRedirect(self.page_of(problem))

    def _problem_view(self, request: HttpRequest, problem: Problem, number: "int | None") -> HttpResponse:
        if not self.has_view_or_change_permission(request, problem):
            raise PermissionDenied
        page = ProblemPage(problem, number, now())
        form = Decision(initial={"version": problem.last_version})
        context = {
            **self.admin_site.each_context(request),
            "title": page.title,
            "opts": self.opts,
            "media": Media(css=STYLE),  # no scripts
            "original": problem,
            "has_view_permission": True,
            "problem": problem,
            "page": page,
            "summary": as_summary(page, request.build_absolute_uri(self.page_of(problem))),
            "form": form,
            "now": now(),
            "can_change": self.has_change_permission(request, problem),
            "can_delete": self.has_delete_permission(request, problem),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "hoptoad_inbox/problem.html", context)

    def _found(self, request: HttpRequest, key: int) -> Problem:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        problem = self.get_queryset(request).select_related("app").filter(pk=key).first()
        if problem is None:
            raise Http404
        return problem


def _plain(body: "str | bytes") -> HttpResponse:
    """Text that no browser takes for a page, whatever is in it."""
    content = body.encode(errors="backslashreplace") if isinstance(body, str) else body
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}
    return HttpResponse(content, content_type="text/plain; charset=utf-8", headers=headers)
