"""The site's exception reporter class: what it adds to a report.

https://docs.djangoproject.com/en/stable/howto/error-reporting/#custom-error-reports
Django's own reporter evaluates whatever it finds: the user, every local variable, QuerySets. So a
site's class is asked only for what it adds, on top of a base that has nothing to evaluate.
"""

from functools import lru_cache
from typing import Any, Protocol

from django.conf import settings as django_settings
from django.http import HttpRequest
from django.views import debug

from hoptoad.capture.chain import slot
from hoptoad.capture.sql import no_sql
from hoptoad.capture.values import class_name
from hoptoad.runtime.exception_reporters import NAMES, remember
from hoptoad.runtime.lifecycle import imported


class _Nothing(debug.ExceptionReporter):
    """Comes right after the site's class: `super().get_traceback_data()` ends here."""

    def get_traceback_data(self) -> dict[str, Any]:
        empty: dict[str, Any] = dict.fromkeys(NAMES, "")
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
    return {str(name): value for name, value in data.items() if name not in NAMES}


@lru_cache(maxsize=8)
def _default_class(path: str) -> Any:
    return imported(path)


def path_of(request: HttpRequest | None) -> str:
    """The dotted path of a reporter class that this request has of its own; empty without one.

    The mail handler finds the class by that path later, in this process.
    """
    kind = getattr(request, "exception_reporter_class", None)
    if not isinstance(kind, type):
        return ""
    path = class_name(kind)
    remember(path, kind)
    return path
