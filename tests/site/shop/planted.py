"""What a planted document names: nothing may import it, and nothing may call it."""

from django.views.debug import ExceptionReporter

calls = []


class Reporter(ExceptionReporter):
    def get_traceback_html(self):
        calls.append("reporter")
        return "planted"


def function(*args, **kwargs):
    calls.append("function")
