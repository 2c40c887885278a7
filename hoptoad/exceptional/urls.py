"""Pages that raise each status, to look at a site's templates: `path("statuses/", include(…))`."""

from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join

from hoptoad.exceptional.responses import BY_CODE, HttpNotFound

app_name = "exceptional"


def index(request: HttpRequest) -> HttpResponse:
    """Lists links to these pages."""
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
    """Raises the status in the address, or 404 if there is no such status."""
    raise BY_CODE.get(code, HttpNotFound)


urlpatterns = [path("", index, name="index"), path("<int:code>/", status, name="status")]
