"""Defines "the same failure": two failures are the same if their fingerprints are equal.

A fingerprint consists of the route (or task, command, logger), the exception's class, the line that
raised, and the innermost line of the project. The message and the frames between those two lines do
not count. Line numbers do: no code changes in the minutes for which fingerprints are compared, and
two lines of one function are two faults.

A fingerprint has a fixed size, whatever a visitor sends or a log record contains.
"""

from functools import lru_cache
from hashlib import blake2b
from types import TracebackType
from typing import NamedTuple

from hoptoad.capture.project import is_own
from hoptoad.capture.raised import slot
from hoptoad.capture.values import bounded_repr, class_name, memory_of
from hoptoad.notice import Incident, is_internal

_SIZE = 16  # bytes
_MAX_NAME = 255
_MAX_FILES = 4096


class Fingerprint(NamedTuple):
    """`place` leaves out names that code can make at run time, like that of a class."""

    failure: bytes
    place: bytes


def fingerprint(incident: Incident, project_root: str = "") -> Fingerprint:
    """The fingerprint of a failure. Reads two lines of the traceback, and captures nothing."""
    error = incident.exception
    where = [_route(incident)]
    if incident.component or incident.action:
        where += [_name(incident.component), _name(incident.action)]
    if error is not None:
        raised, own = _ends(slot(error, "__traceback__"), project_root)
        return _both([*where, _line(own)], [class_name(type(error)), _line(raised)])
    if incident.is_request:
        is_linked = incident.status == 404 and is_internal(incident.referrer, incident.host)
        # Apart from others, so that a scanner does not hide the broken links of the site itself.
        kind = f"{incident.status} linked" if is_linked else str(incident.status)
        reason = incident.reason.error.class_name if incident.reason is not None else ""
        return _both([*where, kind], [reason])
    frame, site = incident.stack, incident.site
    if frame is not None:
        called = f"{frame.f_code.co_filename}:{frame.f_lineno}"
    else:
        called = f"{site[0]}:{site[1]}" if site is not None else ""
    return _both([*where, _name(incident.kind), called], [])


def digest(text: str) -> bytes:
    """A key of fixed size for a text of any size."""
    return blake2b(text.encode(errors="surrogatepass"), digest_size=_SIZE).digest()


def _both(place: list[str], failure: list[str]) -> Fingerprint:
    hashed = blake2b("\0".join(place).encode(errors="surrogatepass"), digest_size=_SIZE)
    key = hashed.digest()
    if failure:
        hashed.update("\0".join(("", *failure)).encode(errors="surrogatepass"))
    return Fingerprint(hashed.digest(), key)


def _route(incident: Incident) -> str:
    match = getattr(incident.request, "resolver_match", None)
    return _name(memory_of(match).get("route", "")) if match is not None else ""


def _name(value: object) -> str:
    return value if type(value) is str else bounded_repr(value, _MAX_NAME)


def _line(step: "TracebackType | None") -> str:
    return f"{step.tb_frame.f_code.co_filename}:{step.tb_lineno}" if step is not None else ""


def _ends(
    traceback: "TracebackType | None", project_root: str
) -> "tuple[TracebackType | None, TracebackType | None]":
    """The innermost line of a traceback, and the innermost line of the project."""
    files = _files(project_root)
    last = step = traceback
    while step is not None:
        last, step = step, step.tb_next
    if last is None or files[last.tb_frame.f_code.co_filename]:
        return last, last  # the usual case
    own = None
    while traceback is not None:
        if files[traceback.tb_frame.f_code.co_filename]:
            own = traceback
        traceback = traceback.tb_next
    return last, own


class _Files(dict[str, bool]):
    """Whether a file belongs to the project. A lookup is faster than calling a cached function."""

    def __init__(self, project_root: str) -> None:
        self._project_root = project_root

    def __missing__(self, file: str) -> bool:
        if len(self) >= _MAX_FILES:  # code made at run time has any number of file names
            self.clear()
        found = self[file] = is_own(file, self._project_root)
        return found


@lru_cache(maxsize=8)
def _files(project_root: str) -> _Files:
    return _Files(project_root)
