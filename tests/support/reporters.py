"""Reporters of a site, for DEFAULT_EXCEPTION_REPORTER."""

from django.views.debug import ExceptionReporter


class Changing(ExceptionReporter):
    def get_traceback_data(self):
        self.request.META["CHANGED"] = "yes"
        found = {name: value for name, value in self.request.META.items() if name.startswith("PLAIN")}
        return {**super().get_traceback_data(), "found": found}
