"""Renders the answer to a raised status: a template, problem details, or at last a plain page."""

import logging
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template import TemplateDoesNotExist, loader
from django.template.backends.django import DjangoTemplates
from django.utils.html import format_html
from django.utils.module_loading import import_string

from hoptoad.exceptional.base import RareHttpResponse
from hoptoad.exceptional.responses import HttpRedirect

logger = logging.getLogger(__name__)

# Takes the request, the name of a template and its context. The status of the answer is set afterwards.
Renderer = Callable[[HttpRequest, str, dict[str, Any]], HttpResponseBase]

PROBLEM = "application/problem+json"
_OWN = Path(__file__).parent / "templates"
_renderer: Renderer | None = None


def set_renderer(renderer: Renderer | None) -> None:
    """Makes `renderer(request, template_name, context)` render every page of this process. None resets it."""
    global _renderer
    _renderer = renderer


def answer(
    request: HttpRequest, exception: RareHttpResponse, *, render: Renderer | None = None
) -> HttpResponseBase:
    """The answer to a request that raised `exception`. Raises nothing; failures are logged.

    The page is made by the first of these that is given: `render`, the renderer of `set_renderer`,
    EXCEPTIONAL_RENDERER, the template.
    """
    response = _body(request, exception, render)
    response.status_code = exception.http_code
    for name, value in exception.headers.items():
        response.headers[name] = value
    try:
        exception.augment_response(response)
    except Exception:
        logger.exception("%s.augment_response failed.", type(exception).__name__)
    return response


def _body(request: HttpRequest, exception: RareHttpResponse, render: Renderer | None) -> HttpResponseBase:
    if isinstance(exception, HttpRedirect):
        return HttpResponse()
    try:
        if _wants_json(request):
            return _problem(exception)
        context = {
            "http_code": exception.http_code,
            "http_message": exception.http_message,
            "http_response_exception": exception,
        }
        return (render or chosen())(request, template_name(exception.http_code), context)
    except Exception:  # from a template, a renderer or a context processor of the site
        logger.exception(
            "The page for HTTP %d could not be rendered; a plain page is sent.", exception.http_code
        )
        return _plain_page(exception)


def by_template(request: HttpRequest, template_name: str, context: dict[str, Any]) -> HttpResponse:
    """Renders the template, or the default page of this package. It is the default renderer."""
    try:
        template: Any = loader.get_template(template_name)
    except TemplateDoesNotExist:
        template = _own_engine().get_template("http_responses/default.html")
    return HttpResponse(template.render(context, request))


def template_name(code: int) -> str:
    """The first of `http_responses/<code>.html`, `<hundred>xx.html` and `default.html` that exists."""
    for name in (f"{code}", f"{code // 100}xx"):
        path = f"http_responses/{name}.html"
        try:
            loader.get_template(path)
        except TemplateDoesNotExist as missing:
            if missing.args and str(missing.args[0]) != path:
                raise  # the template exists; one that it includes does not
        else:
            return path
    return "http_responses/default.html"


def chosen() -> Renderer:
    """The renderer for pages that no subclass of the middleware renders."""
    if _renderer is not None:
        return _renderer
    named = getattr(settings, "EXCEPTIONAL_RENDERER", None)
    return (import_string(named) if isinstance(named, str) else named) or by_template


def _wants_json(request: HttpRequest) -> bool:
    preferred = request.get_preferred_type(["text/html", PROBLEM, "application/json"])
    return preferred in (PROBLEM, "application/json")


def _problem(exception: RareHttpResponse) -> JsonResponse:
    """Problem details: RFC 9457."""
    problem = {"type": "about:blank", "title": exception.http_message, "status": exception.http_code}
    if exception.message:
        problem["detail"] = str(exception.message)
    return JsonResponse(problem, content_type=PROBLEM)


def _plain_page(exception: RareHttpResponse) -> HttpResponse:
    title = f"{exception.http_code} {exception.http_message}"
    page = '<!doctype html><html lang="en"><meta charset="utf-8"><title>{}</title><h1>{}</h1></html>'
    return HttpResponse(format_html(page, title, title))


@lru_cache(maxsize=1)
def _own_engine() -> DjangoTemplates:
    """Finds the default page for sites without this application and without a template of their own."""
    return DjangoTemplates(
        {
            "NAME": "exceptional",
            "DIRS": [_OWN],
            "APP_DIRS": False,
            "OPTIONS": {"libraries": {"i18n": "django.templatetags.i18n"}},
        }
    )
