"""`get_object_or_403` and similar functions: they return an object, or raise a status."""

from typing import Any, TypeVar, cast

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Manager, Model, QuerySet

from hoptoad.exceptional.responses import HttpForbidden

M = TypeVar("M", bound=Model)
Raised = BaseException | type[BaseException]


def or_raise(source: "type[M] | Manager[M] | QuerySet[M]", exception: Raised, *args: Any, **kwargs: Any) -> M:
    """The one object of a model, manager or queryset that `get(*args, **kwargs)` finds.

    Raises `exception` if there is none, and MultipleObjectsReturned if there are several.
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
    """The object; raises HttpForbidden if there is none, so that users cannot learn whether it exists."""
    return or_raise(source, HttpForbidden(), *args, **kwargs)


async def aget_object_or_403(source: "type[M] | Manager[M] | QuerySet[M]", *args: Any, **kwargs: Any) -> M:
    """The async twin of `get_object_or_403`."""
    return await aor_raise(source, HttpForbidden(), *args, **kwargs)


def get_list_or_403(source: "type[M] | Manager[M] | QuerySet[M]", *args: Any, **kwargs: Any) -> list[M]:
    """The objects that match. Raises HttpForbidden if there is none."""
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
    # Django documents this attribute, in spite of its underscore.
    manager = getattr(source, "_default_manager", source)
    if not hasattr(manager, "get") or not hasattr(manager, "filter"):
        raise TypeError(f"{source!r} is neither a model, nor a manager, nor a queryset.")
    return manager.all()
