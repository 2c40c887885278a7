"""Which entries of MIDDLEWARE are ours."""

from django.conf import settings as django_settings

from hoptoad.middleware import HoptoadNotifierMiddleware
from hoptoad.runtime.imports import imported

MIDDLEWARE = "hoptoad.middleware.HoptoadNotifierMiddleware"


def notifiers() -> list[str]:
    """The entries that are the notifier's middleware, or a subclass."""
    return [path for path in django_settings.MIDDLEWARE if _is_notifier(path)]


def _is_notifier(path: str) -> bool:
    if path == MIDDLEWARE:
        return True
    try:
        found = imported(path)
    except ImportError:
        return False  # Django's to complain about
    return isinstance(found, type) and issubclass(found, HoptoadNotifierMiddleware)
