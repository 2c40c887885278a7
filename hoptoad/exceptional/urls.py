"""Pages that raise each status, for looking at one's templates: `path("statuses/", include(…))`."""

from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join

from hoptoad.exceptional.responses import BY_CODE, HttpNotFound

app_name = "exceptional"


def index(request: HttpRequest) -> HttpResponse:
    """A list of links to them."""
    links = format_html_join(
        "",
        '<li><a href="{}">{} {}</a></li>',
        (
            (reverse("exceptional:status", args=[code]), code, kind().http_message)
            for code, kind in sorted(BY_CODE.items())
        ),
    )
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Statuses</title></head>'
        "<body><main><h1>Statuses</h1><ul>{}</ul></main></body></html>"
    )
    return HttpResponse(format_html(page, links))


def status(request: HttpRequest, code: int) -> HttpResponse:
    """Raises the status that the address names; 404 where there is none."""
    raise BY_CODE.get(code, HttpNotFound)


urlpatterns = [path("", index, name="index"), path("<int:code>/", status, name="status")]
