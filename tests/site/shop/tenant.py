"""A middleware that stands around the notifier's."""

import hoptoad


class Tenant:
    """Stands around the notifier's middleware and adds a value."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        with hoptoad.context(tenant="from outside"):
            return self.get_response(request)
