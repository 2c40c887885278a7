"""Names only: importing hoptoad must cost a site nothing until something breaks."""

from typing import Any

__version__ = "1.0.0"

VERSION = __version__
NAME = "django-hoptoad"
URL = "https://github.com/sjl/django-hoptoad"

__all__ = ["NAME", "URL", "VERSION", "__version__", "get_hoptoad_settings", "stats"]


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
