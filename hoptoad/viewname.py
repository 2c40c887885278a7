"""Where in the project a request was answered, named the way that groups best on the server."""

import functools
from collections.abc import Callable
from typing import Any

from hoptoad.text import class_name, cut

UNKNOWN = "unknown"
_MAX_NAME = 255
_MAX_WRAPPERS = 50
_VERBS = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "trace"})


def component_and_action(view: "Callable[..., Any] | None", method: str) -> tuple[str, str]:
    """`("shop.views", "detail")` of a function, `("shop.views.Checkout", "post")` of a class.

    Looks through decorators, partials, `as_view()` of Django and of Django REST framework.
    """
    component, action = _find(view, method.lower())
    return cut(component, _MAX_NAME), cut(action, _MAX_NAME)


def _find(view: Any, verb: str) -> tuple[str, str]:
    for _ in range(_MAX_WRAPPERS):
        kind = getattr(view, "view_class", None) or getattr(view, "cls", None)
        if isinstance(kind, type):
            return class_name(kind), _class_action(view, kind, verb)
        inner = view.func if isinstance(view, functools.partial) else getattr(view, "__wrapped__", None)
        if inner is None:
            break
        view = inner
    if view is None:
        return UNKNOWN, ""
    owner = getattr(view, "__self__", None)
    if owner is not None:  # a bound method: the admin's views are
        return class_name(owner if isinstance(owner, type) else type(owner)), view.__name__
    if isinstance(getattr(view, "__qualname__", None), str):
        return str(view.__module__), view.__qualname__
    return class_name(type(view)), "__call__"


def _class_action(view: Any, kind: type, verb: str) -> str:
    actions = getattr(view, "actions", None)  # a viewset's: {"get": "list", "post": "create"}
    if isinstance(actions, dict) and isinstance(actions.get(verb), str):
        return str(actions[verb])
    if verb == "head" and not hasattr(kind, "head"):
        verb = "get"
    # The browser chooses the method's name; only known ones may make a group of their own.
    return verb if verb in _VERBS and hasattr(kind, verb) else "http_method_not_allowed"
