"""What a request pays in its own thread, in calls of functions, which hardly depend on the machine."""

import functools
import sys

import processes
from server import serving

_WARM_UP = 20
_COUNTED = 5


def run(task):
    """In a process of its own: prints how many functions one request calls, of Python and of C."""
    import subjects
    import website
    from django.core.handlers.wsgi import WSGIHandler

    subjects.start(task["name"], task["places"])
    handler = WSGIHandler()
    environ = website.failing_environ if task["failing"] else website.healthy_environ
    for _ in range(_WARM_UP):
        website.respond(handler, environ())
    print(min(_calls(functools.partial(website.respond, handler, environ())) for _ in range(_COUNTED)))


def _calls(respond):
    count = 0

    def called(frame, event, argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(called)
    try:
        respond()
    finally:
        sys.setprofile(None)
    return count


@functools.cache
def _counted(subject, failing):
    with serving() as server:
        output, errors = processes.run("costs", subject, server, failing=failing)
        if not output.strip():
            raise RuntimeError(f"{subject}: {errors[-2000:]}")
        return int(output)


def ask(question, name):
    from documented import NAMES

    subject = NAMES[name][0]
    added = [_counted(subject, failing) - _counted("bare", failing) for failing in (False, True)]
    return " / ".join(f"{_rounded(calls):,}" for calls in added), []


def _rounded(calls):
    """Two digits of a large number: the others change from run to run."""
    return round(calls, 2 - len(str(calls))) if calls >= 100 else calls
