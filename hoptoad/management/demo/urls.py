"""The failing site with the admin, where the inbox is, and a page that signs a visitor in once."""

import secrets

from django.contrib import admin
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import include, path, reverse
from django.utils.html import format_html

from hoptoad.management.demo import site
from hoptoad.management.demo.pages import page

LOCAL = "127.0.0.1"
_tokens: set[str] = set()  # each opens the inbox once


def new_path() -> str:
    """A path that opens the inbox once."""
    token = secrets.token_urlsafe(24)
    _tokens.add(token)
    return f"/open/{token}"


def open_inbox(request: HttpRequest, token: str) -> HttpResponse:
    """Signs a visitor from this machine in, once for each token, and leads to the problems."""
    problems = reverse("admin:hoptoad_inbox_problem_changelist")
    if request.META["REMOTE_ADDR"] == LOCAL and _use_up(token):
        login(request, User.objects.get_or_create(username="visitor", is_staff=True, is_superuser=True)[0])
    elif not request.user.is_authenticated:
        used = "This address has been opened before. Start the demo again for a new one."
        return HttpResponse(page("The inbox", format_html("<p>{}</p>", used)), status=403)
    return HttpResponseRedirect(problems)


def _use_up(token: str) -> bool:
    """Returns True for a token once, and then False."""
    try:
        _tokens.remove(token)
    except KeyError:
        return False
    return True


def home(request: HttpRequest) -> HttpResponse:
    """The pages of the failing site."""
    problems = reverse("admin:hoptoad_inbox_problem_changelist")
    body = format_html(
        '<p>Every page fails. The notices arrive in <a href="{}">the inbox</a>.</p><ul>{}</ul>',
        problems,
        site.links(),
    )
    return HttpResponse(page("A site that fails", body))


urlpatterns = [
    path("", home),
    path("open/<str:token>", open_inbox),
    path("admin/", admin.site.urls),
    path("", include("hoptoad.inbox.urls")),
    *site.urlpatterns,
]
