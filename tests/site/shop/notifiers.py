"""Subclasses of the notifier's middleware, as a site has them."""

from hoptoad.middleware import HoptoadNotifierMiddleware
from hoptoad.middleware import HoptoadNotifierMiddleware as Renamed  # noqa: F401


class Notifier(HoptoadNotifierMiddleware):
    pass


class Quiet(Notifier):
    def is_ignorable(self, request, *, response=None, exception=None):
        return False
