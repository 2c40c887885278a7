"""The public functions. They import what they need when they are called: importing hoptoad costs nothing."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hoptoad.reporting.manual import context, flush, notify, watch

__version__ = "1.0.0"

VERSION = __version__  # 0.3 had this name, and the two below
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

_OF_MANUAL = frozenset({"context", "flush", "notify", "watch"})


def __getattr__(name: str) -> Any:
    """Imports the functions of `hoptoad.reporting.manual` when one is first used: they need Django."""
    if name not in _OF_MANUAL:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hoptoad.runtime.lifecycle import importing

    with importing:
        from hoptoad.reporting import manual
    function = globals()[name] = getattr(manual, name)
    return function


def get_hoptoad_settings() -> dict[str, Any]:
    """Every `HOPTOAD_*` name with the value in force, defaults included.

    Raises `hoptoad.errors.ConfigurationError` where a value is malformed.
    """
    from hoptoad.runtime.lifecycle import importing

    with importing:
        from hoptoad.conf.loading import as_dict
    return as_dict()


def stats() -> dict[str, int]:
    """The number of failures in this process by what happened to them. The numbers only grow.

    captured, suppressed, queued, spooled, published, mailed, sent, refused, retried, dropped.
    """
    from hoptoad.runtime.lifecycle import importing

    with importing:
        from hoptoad.delivery.stats import stats as counters
    return counters.counts()


def warm_up() -> None:
    """Loads everything that reporting needs, so that the first failing request does not wait for it.

    Call it in the module of the WSGI or ASGI application, after Django is set up: a server that loads
    the application before it forks then loads this once for all its workers. Reports nothing, sends
    nothing, starts no thread, and raises nothing.
    """
    from hoptoad.runtime.lifecycle import importing

    with importing:
        from hoptoad.reporting import warm_up as module
    module.warm_up()
