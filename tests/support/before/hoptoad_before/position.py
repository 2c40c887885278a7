"""Which entries of MIDDLEWARE are ours."""

from django.conf import settings as django_settings

from hoptoad_before.imports import imported
from hoptoad_before.middleware import HoptoadNotifierMiddleware

MIDDLEWARE = "hoptoad_before.middleware.HoptoadNotifierMiddleware"


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
