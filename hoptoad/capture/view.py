"""Looks into the view of a request: its name, its marks, and the data that Django REST framework parsed.

The name is the one that groups best on the error server. The marks are those of `sensitive_post_parameters`.

REST framework wraps the request in one of its own, which parses the body. It is found
in the variables of the frames that failed. Nothing is imported, patched or parsed.
"""

import functools
import inspect
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from types import CodeType, FunctionType, MethodType
from typing import Any, TypeVar

from django.http import HttpRequest
from django.views.decorators import debug as marks

from hoptoad.capture.raised import slot
from hoptoad.capture.values import class_name, function_of, memory_of
from hoptoad.redaction.cutting import cut

UNKNOWN = "unknown"
_NOT_ALLOWED = "http_method_not_allowed"
_MAX_NAME = 255
_MAX_WRAPPERS = 50
_FRAMEWORKS = ("django", "rest_framework")
_VERBS = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "trace"})
_MAX_FRAMES = 200
EVERYTHING = "__ALL__"
_MARKS_FILE = marks.__file__
_MAX_LOOKED_AT = 200

T = TypeVar("T")


def component_and_action(view: "Callable[..., Any] | None", method: str) -> tuple[str, str]:
    """`("shop.views", "detail")` of a function, `("shop.views.Checkout", "post")` of a class.

    Looks through decorators, partials, `as_view()` and `@api_view` of Django REST framework, and the
    path views of django-ninja. Raises nothing.
    """
    return _remembered(_names_of, view, method.lower())


@functools.lru_cache(maxsize=1024)
def _names_of(view: Any, verb: str) -> tuple[str, str]:
    component, action = _find(view, verb)
    return cut(component, _MAX_NAME), cut(action, _MAX_NAME)


def _remembered(find: "functools._lru_cache_wrapper[T]", view: Any, verb: str) -> T:
    """What `find` remembers of a view, for the usual verbs: the client chooses what it sends."""
    if verb not in _VERBS:
        return find.__wrapped__(view, verb)
    try:
        return find(view, verb)
    except TypeError:  # a callable object that cannot be hashed
        return find.__wrapped__(view, verb)


def _find(view: Any, verb: str) -> tuple[str, str]:
    for _ in range(_MAX_WRAPPERS):
        kind = _read(view, "view_class") or _read(view, "cls")
        if issubclass(type(kind), type):
            function = _function_of_api_view(kind)
            return function or (class_name(kind), _class_action(view, kind, verb))
        operations = _operations(view)
        if operations:
            inner = next((function for function, verbs in operations if verb in verbs), None)
            if inner is None:
                return _named(operations[0][0])[0], _NOT_ALLOWED
        elif issubclass(type(view), functools.partial):
            inner = view.func
        else:
            inner = _read(view, "__wrapped__")
        if inner is None:
            break
        view = inner
    return _named(view)


def _named(view: Any) -> tuple[str, str]:
    if view is None:
        return UNKNOWN, ""
    function = function_of(view)
    owner = _read(view, "__self__")
    if owner is not None:  # a bound method: the admin's views are
        kind = owner if issubclass(type(owner), type) else type(owner)
        return class_name(kind), function.__name__ if function is not None else "__call__"
    name = _read(view, "__qualname__")
    if isinstance(name, str):
        return str(_read(view, "__module__") or UNKNOWN), name
    return class_name(type(view)), "__call__"


def _function_of_api_view(kind: type) -> "tuple[str, str] | None":
    """The function behind `@api_view` of Django REST framework, which makes a WrappedAPIView of each."""
    name = type.__dict__["__qualname__"].__get__(kind)
    module, function = _read(kind, "__module__"), type.__dict__["__name__"].__get__(kind)
    if name != "WrappedAPIView" or function == name or not isinstance(module, str):
        return None
    return module, function


def _operations(view: Any) -> "list[tuple[Any, list[str]]]":
    """The endpoints behind a path of django-ninja, each with its verbs; empty for any other view.

    All endpoints of a path share one view, a function inside a method of the object that holds them.
    """
    owner = _read(view, "__self__") if type(view) is not FunctionType else _closed_over(view, "self")
    found = memory_of(owner).get("operations")
    if type(found) is not list:
        return []
    read = [(_read(operation, "view_func"), _read(operation, "methods")) for operation in found]
    return [
        (function, [str(verb).lower() for verb in verbs])
        for function, verbs in read
        if callable(function) and type(verbs) in (list, set, tuple)
    ]


def _closed_over(function: FunctionType, name: str) -> Any:
    names = function.__code__.co_freevars
    if name not in names or not function.__closure__:
        return None
    return _read(function.__closure__[names.index(name)], "cell_contents")


def _class_action(view: Any, kind: type, verb: str) -> str:
    actions = _read(view, "actions")  # a viewset's: {"get": "list", "post": "create"}
    if isinstance(actions, dict) and isinstance(actions.get(verb), str):
        return str(actions[verb])
    if not any(_read(kind, name) is not None for name in _VERBS - {"options"}) and _has_own_dispatch(kind):
        return "dispatch"
    if verb == "head" and _read(kind, "head") is None:
        verb = "get"
    # The browser chooses the method's name; only known ones may make a group of their own.
    return verb if verb in _VERBS and _read(kind, verb) is not None else _NOT_ALLOWED


def _has_own_dispatch(kind: type) -> bool:
    dispatch = function_of(_read(kind, "dispatch"))
    module = dispatch.__module__ if dispatch is not None else None
    return isinstance(module, str) and module.partition(".")[0] not in _FRAMEWORKS


def _read(thing: Any, name: str) -> Any:
    try:
        return getattr(thing, name, None)
    except Exception:  # an object whose attributes raise
        return None


def parsed_data(request: HttpRequest, error: BaseException | None) -> Mapping[Any, Any] | None:
    """The data as it was parsed, or None where it was not."""
    module = sys.modules.get("rest_framework.request")
    if module is None or error is None:
        return None
    step = slot(error, "__traceback__")
    for _ in range(_MAX_FRAMES):
        if step is None:
            return None
        wrapped = step.tb_frame.f_locals.get("request")
        if type(wrapped) is module.Request and wrapped.__dict__.get("_request") is request:
            data = wrapped.__dict__.get("_full_data")
            if isinstance(data, dict):
                return data
            return {"[data]": data} if isinstance(data, list) else None
        step = step.tb_next
    return None


def sensitive_post_parameters(request: HttpRequest | None) -> tuple[str, ...]:
    """The names that `sensitive_post_parameters` marks, or EVERYTHING alone.

    Also of a view that has not run: a middleware may have failed before it.
    """
    if request is None:
        return ()
    memory = request.__dict__
    given = memory.get("sensitive_post_parameters", ())
    match = memory.get("resolver_match")
    marked = _remembered(_marks_of, match.func, (request.method or "").lower()) if match is not None else ()
    names = (EVERYTHING,) if given == EVERYTHING else (*given, *marked)
    return (EVERYTHING,) if EVERYTHING in names else tuple(map(str, names))


@functools.lru_cache(maxsize=1024)
def _marks_of(view: Any, verb: str) -> tuple[str, ...]:
    names: list[str] = []
    for function in _functions(view, verb):
        code: CodeType = function.__code__
        if code.co_filename == _MARKS_FILE and "parameters" in code.co_freevars:
            names += _cell(function, "parameters") or (EVERYTHING,)
    return tuple(names)


def _functions(view: Any, verb: str) -> Iterator[FunctionType]:
    """The functions a view is made of: under decorators, partials, classes and their methods."""
    waiting, seen = deque([view]), set[int]()
    while waiting and len(seen) < _MAX_LOOKED_AT:
        thing = waiting.popleft()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if type(thing) is functools.partial:
            waiting.append(thing.func)
        elif type(thing) is MethodType:
            waiting.append(thing.__func__)
        elif type(thing) in (list, tuple):
            waiting.extend(thing[:_MAX_LOOKED_AT])
        elif type(thing) is FunctionType:
            yield thing
            memory = thing.__dict__
            kind = memory.get("view_class") or memory.get("cls")
            if isinstance(kind, type):
                waiting.extend(
                    inspect.getattr_static(kind, name, None) for name in ("dispatch", verb or "get")
                )
            waiting.append(memory.get("__wrapped__"))
            waiting.extend(_cells(thing).values())


def _cells(function: FunctionType) -> "dict[str, Any]":
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # empty yet
            continue
    return found


def _cell(function: FunctionType, name: str) -> tuple[str, ...]:
    content = _cells(function).get(name, ())
    return tuple(content) if type(content) is tuple else ()
