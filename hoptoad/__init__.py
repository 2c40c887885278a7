"""Names only: importing hoptoad must cost a site nothing until something breaks."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hoptoad.doors import context, flush, notify, watch

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
    "watch",
]

_DOORS = frozenset({"context", "flush", "notify", "watch"})


def __getattr__(name: str) -> Any:
    """The doors, imported when first used: they need Django."""
    if name not in _DOORS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hoptoad import doors

    return getattr(doors, name)


def get_hoptoad_settings() -> dict[str, Any]:
    """Every `HOPTOAD_*` name with the value in force, defaults included.

    Raises `hoptoad.errors.ConfigurationError` where a value is malformed.
    """
    from hoptoad.conf import as_dict  # late: reading settings needs a configured Django

    return as_dict()


def stats() -> dict[str, int]:
    """What became of the failures this process has seen: counts that only grow.

    captured, suppressed, queued, sent, refused, retried, dropped, spooled.
    """
    from hoptoad.tally import tally  # late: importing hoptoad costs nothing

    return tally.counts()
