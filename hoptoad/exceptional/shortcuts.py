"""`get_object_or_403` and its kin: the object that is there, or a status of one's choice."""

from typing import Any, TypeVar, cast

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Manager, Model, QuerySet

from hoptoad.exceptional.responses import HttpForbidden

M = TypeVar("M", bound=Model)
Raised = BaseException | type[BaseException]


def or_raise(source: "type[M] | Manager[M] | QuerySet[M]", exception: Raised, *args: Any, **kwargs: Any) -> M:
    """The one object of a model, manager or queryset that matches, as `get(*args, **kwargs)` finds it.

    Raises `exception` where there is none, and MultipleObjectsReturned where there are several.
    """
    try:
        return cast(M, _queryset(source).get(*args, **kwargs))
    except ObjectDoesNotExist as missing:
        raise exception from missing


async def aor_raise(
    source: "type[M] | Manager[M] | QuerySet[M]", exception: Raised, *args: Any, **kwargs: Any
) -> M:
    """The async twin of `or_raise`."""
    try:
        return cast(M, await _queryset(source).aget(*args, **kwargs))
    except ObjectDoesNotExist as missing:
        raise exception from missing


def get_object_or_403(source: "type[M] | Manager[M] | QuerySet[M]", *args: Any, **kwargs: Any) -> M:
    """The object, or HttpForbidden: for those that must not learn whether it exists."""
    return or_raise(source, HttpForbidden(), *args, **kwargs)


async def aget_object_or_403(source: "type[M] | Manager[M] | QuerySet[M]", *args: Any, **kwargs: Any) -> M:
    """The async twin of `get_object_or_403`."""
    return await aor_raise(source, HttpForbidden(), *args, **kwargs)


def get_list_or_403(source: "type[M] | Manager[M] | QuerySet[M]", *args: Any, **kwargs: Any) -> list[M]:
    """The objects that match, or HttpForbidden where there is none."""
    found = list(_queryset(source).filter(*args, **kwargs))
    if not found:
        raise HttpForbidden
    return found


async def aget_list_or_403(
    source: "type[M] | Manager[M] | QuerySet[M]", *args: Any, **kwargs: Any
) -> list[M]:
    """The async twin of `get_list_or_403`."""
    found = [item async for item in _queryset(source).filter(*args, **kwargs)]
    if not found:
        raise HttpForbidden
    return found


def _queryset(source: Any) -> Any:
    # The attribute is a model's documented API, for all its underscore.
    manager = getattr(source, "_default_manager", source)
    if not hasattr(manager, "get") or not hasattr(manager, "filter"):
        raise TypeError(f"{source!r} is neither a model, nor a manager, nor a queryset.")
    return manager.all()
