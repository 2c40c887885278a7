"""How the time of making a notice grows with what it is made of."""

import statistics
import sys
from urllib.parse import urlencode

from pace import times, undisturbed
from tables import number, spread, table

_SIZES = (10, 100, 1_000, 10_000)


def measure(task):
    """Milliseconds from the exception and its request to the bytes, by series and size."""
    import subjects

    sizeless = {"DATA_UPLOAD_MAX_MEMORY_SIZE": None, "DATA_UPLOAD_MAX_NUMBER_FIELDS": None}
    subjects.start("hoptoad", task["places"], **sizeless)
    sys.setrecursionlimit(max(_SIZES) + 1_000)
    pace = {"fastest": task["fastest"], "seconds": 0.05 if task["quick"] else 0.3}
    figures = {
        name: [_milliseconds(*make(size), **pace) for size in sizes]
        for name, (sizes, make, _) in _SERIES.items()
    }
    return {"figures": figures}


def _milliseconds(request, error, *, fastest, seconds):
    from hoptoad.api import htv2
    from hoptoad.capture import build
    from hoptoad.conf.loading import get_settings

    def make():
        incident = build.incident(request, exception=error)
        htv2.encode(build.notice(incident, get_settings()))

    make()
    return statistics.median(undisturbed(times(make, fastest, seconds, fewest=20), fastest)) / 1e6


def _request(**form):
    """A request whose form was read; the usual one where none is given."""
    import website
    from django.core.handlers.wsgi import WSGIRequest

    environ = website.failing_environ(urlencode(form).encode()) if form else website.failing_environ()
    request = WSGIRequest(environ)
    request.POST  # noqa: B018 - reporting reads no form that the site has not read
    return request


def _raised(frames=30, message="the payment failed"):
    def deeper(left):
        if left <= 1:
            raise ValueError(message)
        deeper(left - 1)

    try:
        deeper(frames - 1)
    except ValueError as error:
        return error


def _of_frames(size):
    return _request(), _raised(frames=size)


def _of_fields(size):
    return _request(**{f"field-{number}": f"value {number}" for number in range(size)}), _raised()


def _of_session_keys(size):
    from django.contrib.sessions.backends.signed_cookies import SessionStore

    request = _request()
    request.session = SessionStore()
    request.session.update({f"key-{number}": f"value {number}" for number in range(size)})
    return request, _raised()


def _of_causes(size):
    cause = None
    for attempt in range(size + 1):
        try:
            raise ValueError(f"the payment failed {attempt}") from cause
        except ValueError as error:
            cause = error
    return _request(), cause


def _of_value(size):
    return _request(remark=_words(size)), _raised()


def _of_message(size):
    return _request(), _raised(message=_words(size))


def _words(size):
    return ("the payment of Freda failed, " * (size // 29 + 1))[:size]


_TEXTS = tuple(100 * size for size in _SIZES)
_SERIES = {
    "frames": (_SIZES, _of_frames, "200 frames"),
    "form fields": (_SIZES, _of_fields, "2,000 values"),
    "session keys": (_SIZES, _of_session_keys, "2,000 values"),
    "chained causes": (tuple(size // 10 for size in _SIZES), _of_causes, "10 causes"),
    "characters of a form field": (_TEXTS, _of_value, "2,048 characters, and as many again looked at"),
    "characters of the message": (_TEXTS, _of_message, "2,048 characters, and as many again looked at"),
}


def report(bench):
    """One table: a line for each series and size."""
    results = bench.rounds("growth", ["hoptoad"], 3)["hoptoad"]
    found = [result["figures"] for result in results if result]
    rows = []
    for name, (sizes, _, bound) in _SERIES.items():
        before = None
        for place, size in enumerate(sizes):
            times = [one[name][place] for one in found]
            middle = statistics.median(times) if times else float("nan")
            grown = number(middle / before) if before else "1"
            rows.append([name, f"{size:,}", spread(times), grown, bound])
            before = middle
    yield "**The growth of a notice**"
    yield (
        "Making and encoding a notice of version 2, called in the process with an exception and a request of "
        "each size: the median, in milliseconds, and how many times that of the line before, where there was "
        "a tenth of it.\n"
        "Beyond the bound no more is told."
    )
    yield table(["What grows", "to", "ms", "to the line before", "bound"], rows)
