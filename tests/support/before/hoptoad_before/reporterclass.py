"""The site's exception reporter class: what it adds to a report, and the page it makes of one.

https://docs.djangoproject.com/en/stable/howto/error-reporting/#custom-error-reports
Django's own reporter evaluates whatever it finds: the user, every local variable, QuerySets. So a
site's class is asked only for what it adds, on top of a base that has nothing to evaluate.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol
from weakref import WeakValueDictionary

from django.conf import settings as django_settings
from django.http import HttpRequest
from django.views import debug

from hoptoad_before.errorchain import slot
from hoptoad_before.imports import imported
from hoptoad_before.notice import Frame, Notice, Value
from hoptoad_before.sqlguard import no_sql
from hoptoad_before.text import class_name

_NAMES = (
    "is_email unicode_hint frames request request_meta request_COOKIES_items user_str filtered_POST_items"
    " settings sys_executable sys_version_info server_time django_version_info sys_path template_info"
    " template_does_not_exist postmortem request_GET_items request_FILES_items request_insecure_uri"
    " raising_view_name exception_type exception_value exception_notes lastframe"
).split()


class _Nothing(debug.ExceptionReporter):
    """Comes right after the site's class: `super().get_traceback_data()` ends here."""

    def get_traceback_data(self) -> dict[str, Any]:
        empty: dict[str, Any] = dict.fromkeys(_NAMES, "")
        lists = ("frames", "sys_path", "request_COOKIES_items", "filtered_POST_items", "request_GET_items")
        empty.update({name: [] for name in lists})
        return {**empty, "request": self.request, "request_meta": {}, "settings": {}, "is_email": False}


class _Shown(Protocol):
    @property
    def original(self) -> HttpRequest | None: ...
    @property
    def request(self) -> HttpRequest | None: ...


def additions(shown: _Shown, error: BaseException | None) -> dict[object, object]:
    """What the site's reporter class adds to `get_traceback_data`. Raises what that raises.

    Its class is found on the `original` request, and it is shown the other, a copy.
    """
    own: Any = getattr(shown.original, "exception_reporter_class", None)
    kind: Any = own or _default_class(django_settings.DEFAULT_EXCEPTION_REPORTER)
    if error is None or kind.get_traceback_data is debug.ExceptionReporter.get_traceback_data:
        return {}
    reporter = type("Additions", (kind, _Nothing), {})(
        shown.request, type(error), error, slot(error, "__traceback__")
    )
    with no_sql():
        data = reporter.get_traceback_data()
    return {str(name): value for name, value in data.items() if name not in _NAMES}


@lru_cache(maxsize=8)
def _default_class(path: str) -> Any:
    return imported(path)


# Of this process's requests, by dotted path. A document may name one of these, and nothing else.
_of_requests: "WeakValueDictionary[str, type]" = WeakValueDictionary()


def path_of(request: HttpRequest | None) -> str:
    """The dotted path of a reporter class that this request has of its own; empty without one.

    `page` finds the class by that path later, in this process.
    """
    kind = getattr(request, "exception_reporter_class", None)
    if not isinstance(kind, type):
        return ""
    path = class_name(kind)
    _of_requests[path] = kind
    return path


def page(notice: Notice, path: str = "") -> str:
    """The notice as HTML, made by the template of the site's reporter class.

    `path` is what `path_of` returned in this process; any other is ignored, because a document may
    come from anybody. Only what the notice holds is shown. Raises what the class and its template raise.
    """
    kind: Any = _of_requests.get(path) or imported(django_settings.DEFAULT_EXCEPTION_REPORTER)
    data = {**_page_data(notice), **notice.extra}
    shown = type("Page", (kind,), {"get_traceback_data": lambda _: data})
    return str(shown(None, None, None, None, is_email=True).get_traceback_html())


def _page_data(notice: Notice) -> dict[str, Any]:
    meta, request = notice.request.cgi_data, notice.request
    frames = [_frame(number, frame) for number, frame in enumerate(reversed(notice.error.frames))]
    short = notice.error.class_name.rpartition(".")[2]
    return {
        **dict.fromkeys(_NAMES, ""),
        "is_email": True,
        "frames": frames,
        "lastframe": frames[-1] if frames else None,
        "request": _Request(meta, request.url) if meta.get("REQUEST_METHOD") else None,
        "request_insecure_uri": request.url,
        "request_meta": {name: value for name, value in meta.items() if isinstance(value, str)},
        "filtered_POST_items": list(request.params.items()),
        "settings": {"SETTINGS_MODULE": "[settings are never sent]"},
        "user_str": notice.user.id if notice.user else "",
        "raising_view_name": ".".join(filter(None, (request.component, request.action))),
        "exception_type": short,
        "exception_value": notice.error.message.removeprefix(f"{short}: "),
        "django_version_info": notice.framework.removeprefix("Django: "),
        "sys_version_info": notice.language.removeprefix("Python/"),
    }


class _Request:
    """As much of a request as Django's template asks for."""

    def __init__(self, meta: Mapping[str, Value], url: str) -> None:
        self.META = meta
        self.path_info = str(meta.get("PATH_INFO", url))
        self.GET: dict[str, str] = {}  # told among the parameters, as uploads are
        self.FILES: dict[str, str] = {}
        self.COOKIES: dict[str, str] = {}  # told as a header


def _frame(number: int, frame: Frame) -> dict[str, Any]:
    lines = dict(frame.source)
    return {
        "id": number,
        "tb": frame,
        "type": "user" if frame.file.startswith("[PROJECT_ROOT]") else "django",
        "filename": frame.file,
        "function": frame.function,
        "lineno": frame.line,
        "vars": list(frame.variables.items()),
        "pre_context_lineno": min(lines, default=frame.line),
        "pre_context": [line for at, line in lines.items() if at < frame.line],
        "context_line": lines.get(frame.line, ""),
        "post_context": [line for at, line in lines.items() if at > frame.line],
        "colno": "",
        "tb_area_colno": "",
    }
