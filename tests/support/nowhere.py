"""A handler that sends nothing."""


class Nowhere:
    def enqueue(self, payload, timeout):
        assert payload
