"""The pages and the ingest URLs of an inbox that runs alone."""

from django.contrib import admin
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, include, path, reverse

admin.site.site_header = admin.site.site_title = "Hoptoad inbox"


def first_page(request: HttpRequest) -> HttpResponse:
    """Leads to the list of problems."""
    try:
        return HttpResponseRedirect(reverse("admin:hoptoad_inbox_problem_changelist"))
    except NoReverseMatch:
        return HttpResponseRedirect(reverse("admin:index"))


def health(request: HttpRequest) -> HttpResponse:
    """Whether the database answers: for monitoring."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok", content_type="text/plain")


urlpatterns = [
    path("", first_page),
    path("healthz", health),
    path("admin/", admin.site.urls),
    path("", include("hoptoad.inbox.urls")),
]
