"""The site's exception reporter filter and exception reporter class.

https://docs.djangoproject.com/en/stable/howto/error-reporting/#filtering-sensitive-information
Unlike on Django's own error pages, the filter is active with DEBUG on too. If it fails, everything is hidden.

Django's own reporter evaluates whatever it finds: the user, every local variable, QuerySets. So a
site's class is asked only for what it adds, on top of a base that has nothing to evaluate.
"""

import copy
import functools
from collections.abc import Callable, Container, Mapping
from types import FrameType
from typing import Any, TypeVar

from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from django.utils.functional import cached_property
from django.views import debug
from django.views.debug import SafeExceptionReporterFilter

from hoptoad.capture.meta import headers_of
from hoptoad.capture.raised import slot
from hoptoad.capture.values import bounded_repr, class_name
from hoptoad.capture.view import EVERYTHING, sensitive_post_parameters
from hoptoad.conf.settings import DjangoSettings, Settings
from hoptoad.runtime.exception_reporters import NAMES, remember
from hoptoad.runtime.guards import OF_THE_SITE, guarded, log_exception
from hoptoad.runtime.lifecycle import imported
from hoptoad.runtime.messages import get_logger

logger = get_logger(__name__)

HIDDEN = "[hidden: the exception reporter filter failed]"
_MAX_REMEMBERED = 200  # characters of a name
_MAX_SHOWN = 200
_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: not one of the interpreter's own

_JUDGING = frozenset({"cleanse_setting", "get_safe_cookies", "get_safe_request_meta", "get_post_parameters"})

T = TypeVar("T")


class ReporterFilter:
    """The exception reporter filter of one request. Its results are redacted later.

    The filter gets a copy of the request, which it may evaluate and change. The copy has no body unless
    the site has read it.
    """

    def __init__(self, request: HttpRequest | None, settings: Settings) -> None:
        everything: tuple[str, ...] = (EVERYTHING,)
        self.sensitive = guarded("marks", sensitive_post_parameters, everything, request)
        self.original = request
        self.django = settings.django
        self._filter: Any = self._asked("__init__", _filter_of, request, self.django)
        self._is_djangos = _is_djangos(self._filter)

    @cached_property
    def request(self) -> HttpRequest | None:
        """The copy of the request for the site's code."""
        twin = _twin(self.original, self.sensitive)
        if twin is not None and self._is_djangos:
            twin.META = headers_of(twin.META)
        return twin

    def meta(self, wanted: "Mapping[str, str]") -> "Mapping[str, Any] | None":
        """`wanted` of `request.META` as the filter shows it; None where the filter failed."""
        return self._asked("get_safe_request_meta", self._meta, wanted)

    def _meta(self, wanted: "Mapping[str, str]") -> "Mapping[str, Any]":
        if not self._is_djangos:
            return dict(self._filter.get_safe_request_meta(self.request))
        remembered = _hides(self._filter.hidden_settings, self.django.session_cookie_name)
        is_long = max(map(len, wanted), default=0) > _MAX_REMEMBERED  # a client names headers as it likes
        hides: Callable[[str], bool] = remembered.__wrapped__ if is_long else remembered
        substitute = self._filter.cleansed_substitute
        return {name: substitute if hides(name) else value for name, value in wanted.items()}

    def cookies(self, names: list[str]) -> "Container[str] | None":
        """The names of the cookies that the filter shows; None where the filter failed."""
        if self._is_djangos:  # it hides values, never names
            return names
        return self._asked("get_safe_cookies", lambda: dict(self._filter.get_safe_cookies(self.request)))

    def post(self, form: "Mapping[str, Any]") -> "Mapping[str, list[Any]] | None":
        """The form, each field with its values; None where the filter failed."""
        if self._is_djangos and not self.sensitive:
            return form
        return self._asked(
            "get_post_parameters", lambda: _lists(self._filter.get_post_parameters(self.request))
        )

    def variables(self, frame: FrameType) -> "list[tuple[str, Any]] | None":
        """A frame's local variables; None where the filter failed. Lazy objects are only named."""
        return self._asked(
            "get_traceback_frame_variables",
            lambda: [
                (str(name), value)
                for name, value in self._filter.get_traceback_frame_variables(self.request, _Frame(frame))
            ],
        )

    def _asked(self, method: str, ask: "Callable[..., T]", *args: object) -> "T | None":
        try:
            return ask(*args)
        except OF_THE_SITE:
            log_exception(
                logger,
                "The exception reporter filter failed in %s; all it was asked about is hidden.",
                method,
            )
            return None


class Unseen(str):
    """A text in place of a value that must not be touched; shown without quotes."""

    __slots__ = ()


class _Frame:
    """A frame whose lazy variables are only named: the filter asks each value for its class,
    and a lazy object would be evaluated to answer.
    """

    def __init__(self, frame: FrameType) -> None:
        self.f_code = frame.f_code
        self.f_back = frame.f_back
        self.f_globals = frame.f_globals
        self.f_lineno = frame.f_lineno
        self.f_locals = {
            name: value if type(value) in _BUILT_IN else _touchable(value)
            for name, value in tuple(frame.f_locals.items())
        }


_BUILT_IN = frozenset({str, bytes, int, float, bool, type(None), dict, list, tuple, set})


def _touchable(value: object) -> object:
    for base in type.__dict__["__mro__"].__get__(type(value))[:-1]:
        is_of_python = base.__flags__ & _HEAP_TYPE
        if "__class__" in base.__dict__ or ("__getattribute__" in base.__dict__ and is_of_python):
            return Unseen(bounded_repr(value, _MAX_SHOWN))
    return value


def _filter_of(request: HttpRequest | None, django: DjangoSettings) -> Any:
    """Like `get_exception_reporter_filter` of Django, which caches the setting for good."""
    own = getattr(request, "exception_reporter_filter", None)
    if own:
        return _always_on(own)
    return _default_filter(django.default_exception_reporter_filter)


@functools.lru_cache(maxsize=8)
def _default_filter(path: str) -> Any:
    return _always_on(imported(path)())


def _is_djangos(found: Any) -> bool:
    """Whether this is Django's own filter as it was shipped: it judges each variable by its name alone."""
    kind = SafeExceptionReporterFilter
    return (
        type(found) is kind
        and _JUDGING.isdisjoint(found.__dict__)
        and not [name for name in _JUDGING if kind.__dict__[name].__module__ != kind.__module__]
    )


@functools.lru_cache(maxsize=8)
def _hides(hidden_settings: Any, session_cookie: str) -> "functools._lru_cache_wrapper[bool]":
    """Whether Django's own filter, with these two settings of it, hides a variable of a name."""
    judge: Any = SafeExceptionReporterFilter()
    judge.hidden_settings = hidden_settings
    shown = object()
    return functools.lru_cache(maxsize=256)(lambda name: judge.cleanse_setting(name, shown) is not shown)


def _always_on(found: Any) -> Any:
    """A filter like `found` that is never switched off."""
    active = copy.copy(found)
    active.is_active = lambda _: True
    return active


def _twin(request: HttpRequest | None, sensitive: tuple[str, ...]) -> HttpRequest | None:
    if request is None:
        return None
    twin = object.__new__(type(request))
    twin.__dict__.update(request.__dict__)
    if "_post" not in twin.__dict__ and "_body" not in twin.__dict__:
        twin.__dict__["_read_started"] = True  # Django then takes the body as read and gone
    if sensitive:
        twin.__dict__["sensitive_post_parameters"] = EVERYTHING if EVERYTHING in sensitive else sensitive
    return twin


def _lists(fields: Any) -> "dict[str, list[Any]]":
    if isinstance(fields, MultiValueDict):
        return {name: list(values) for name, values in dict.items(fields)}
    return {name: [value] for name, value in dict(fields).items()}


class _Nothing(debug.ExceptionReporter):
    """The base that the site's class gets: its `super().get_traceback_data()` ends here."""

    def get_traceback_data(self) -> dict[str, Any]:
        empty: dict[str, Any] = dict.fromkeys(NAMES, "")
        lists = ("frames", "sys_path", "request_COOKIES_items", "filtered_POST_items", "request_GET_items")
        empty.update({name: [] for name in lists})
        return {**empty, "request": self.request, "request_meta": {}, "settings": {}, "is_email": False}


def additions(shown: ReporterFilter, error: BaseException | None) -> dict[object, object]:
    """What the site's reporter class adds to `get_traceback_data`. Raises what that raises.

    Its class is found on the `original` request, and it is shown the other, a copy.
    """
    own: Any = getattr(shown.original, "exception_reporter_class", None)
    kind: Any = own or _default_class(shown.django.default_exception_reporter)
    if error is None or kind.get_traceback_data is debug.ExceptionReporter.get_traceback_data:
        return {}
    reporter = type("Additions", (kind, _Nothing), {})(
        shown.request, type(error), error, slot(error, "__traceback__")
    )
    data = reporter.get_traceback_data()
    return {str(name): value for name, value in data.items() if name not in NAMES}


@functools.lru_cache(maxsize=8)
def _default_class(path: str) -> Any:
    return imported(path)


def path_of(request: HttpRequest | None) -> str:
    """The dotted path of the request's own reporter class; empty without one.

    The mail handler finds the class by that path later, in this process.
    """
    kind = getattr(request, "exception_reporter_class", None)
    if not isinstance(kind, type):
        return ""
    path = class_name(kind)
    remember(path, kind)
    return path
