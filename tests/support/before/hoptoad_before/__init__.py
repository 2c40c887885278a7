"""Names only: importing hoptoad_before must cost a site nothing until something breaks."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hoptoad_before.doors import context, flush, notify, watch

__version__ = "1.0.0"

VERSION = __version__
NAME = "django-hoptoad"
URL = "https://github.com/sjl/django-hoptoad"

__all__ = [
    "NAME",
    "URL",
    "VERSION",
    "__version__",
    "context",
    "flush",
    "get_hoptoad_settings",
    "notify",
    "stats",
    "warm_up",
    "watch",
]

_DOORS = frozenset({"context", "flush", "notify", "watch"})


def __getattr__(name: str) -> Any:
    """The doors, imported when first used: they need Django."""
    if name not in _DOORS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hoptoad_before.imports import when_needed  # late: importing hoptoad_before costs nothing

    return getattr(when_needed("hoptoad_before.doors"), name)


def get_hoptoad_settings() -> dict[str, Any]:
    """Every `HOPTOAD_*` name with the value in force, defaults included.

    Raises `hoptoad_before.errors.ConfigurationError` where a value is malformed.
    """
    from hoptoad_before.imports import when_needed  # late: importing hoptoad_before costs nothing

    values: dict[str, Any] = when_needed("hoptoad_before.conf").as_dict()
    return values


def stats() -> dict[str, int]:
    """What became of the failures this process has seen: counts that only grow.

    captured, suppressed, queued, sent, refused, retried, dropped, spooled.
    """
    from hoptoad_before.imports import when_needed  # late: importing hoptoad_before costs nothing

    counts: dict[str, int] = when_needed("hoptoad_before.tally").tally.counts()
    return counts


def warm_up() -> None:
    """Loads what reporting needs, so that the first failing request does not wait for it.

    For the module of the WSGI or ASGI application, after Django is set up: a server that loads the
    application before it forks then loads this once for all its workers. Reports nothing, sends
    nothing, starts no thread, and raises nothing.
    """
    from hoptoad_before.imports import when_needed  # late: importing hoptoad_before costs nothing

    when_needed("hoptoad_before.warmup").warm_up()
