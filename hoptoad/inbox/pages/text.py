"""A notice as plain text: for tickets, mails and tools."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from hoptoad.inbox.models import Problem
from hoptoad.inbox.pages import visible
from hoptoad.inbox.pages.backtrace import ShownError
from hoptoad.inbox.pages.problem import ProblemPage
from hoptoad.inbox.pages.shown_notice import ShownNotice
from hoptoad.inbox.pages.times import local
from hoptoad.inbox.pages.visible import Row

_FRAMES = 8  # in a summary


def as_text(page: ProblemPage, address: str) -> str:
    """The problem and one of its notices; `address` is that of its page."""
    return "\n".join(_lines(page, address)) + "\n"


def heading(problem: Problem) -> Iterator[str]:
    """Class and message, and the place: for a mail."""
    yield ": ".join(filter(None, (visible.line(problem.class_name), visible.url(problem.message))))
    if place := visible.place(problem.place):
        yield f"in {place}"


def seen(problem: Problem) -> Iterator[str]:
    """Whose problem it is, how often it came, since when and in which versions."""
    environment, first, last = (
        visible.line(text, 100) for text in (problem.environment, problem.first_version, problem.last_version)
    )
    yield f"{problem.app}, {environment}: {problem.get_state_display()}"
    yield f"Notices     {problem.count:,}"
    yield f"First seen  {_time(problem.first_seen)} {first}".rstrip()
    yield f"Last seen   {_time(problem.last_seen)} {last}".rstrip()


def as_summary(page: ProblemPage, address: str) -> str:
    """A few lines for a ticket or a chat: what failed, how often, where in the project, the address."""
    return "\n".join(_summary(page, address))


def _summary(page: ProblemPage, address: str) -> Iterator[str]:
    problem, shown = page.problem, page.shown
    yield ": ".join(filter(None, (page.title, page.excerpt)))
    yield ", ".join(filter(None, (problem.app.name, page.environment, page.versions[1])))
    yield f"Notices: {page.count}, from {_time(problem.first_seen)} to {_time(problem.last_seen)}"
    if shown is not None and shown.url:
        yield f"{shown.method} {shown.url}".strip()
    yield ""
    frames = shown.errors[0].frames if shown is not None and shown.errors else ()
    own = [frame for frame in frames if frame.is_own][:_FRAMES] or frames[:_FRAMES]
    for frame in own:
        yield f"  {frame.place} in {frame.function}"
        yield from (f"    {code.strip()}" for _, code, is_failing in frame.source if is_failing)
    if not own and page.place:
        yield f"  {page.place}"
    yield ""
    yield address


def _lines(page: ProblemPage, address: str) -> Iterator[str]:
    problem, shown = page.problem, page.shown
    yield ": ".join(filter(None, (page.title, page.message)))
    if page.place:
        yield f"in {page.place}"
    yield ""
    yield from seen(problem)
    yield f"Page        {address}"
    if shown is not None:
        yield ""
        yield f"Notice {shown.notice.number}, received {_time(shown.notice.received)}"
        yield from _notice(shown)


def _notice(shown: ShownNotice) -> Iterator[str]:
    if shown.refusal:
        yield f"It cannot be read: {shown.refusal}"
    for error in shown.errors:
        yield from _error(error)
    if shown.trail:
        yield from ("", "Breadcrumbs")
        yield from (f"  {item}" for item in shown.trail)
    for section in shown.sections:
        yield from ("", section.title)
        yield from _rows(section.rows, "  ")


def _error(error: ShownError) -> Iterator[str]:
    yield ""
    if error.relation:
        yield f"{error.relation}:"
    yield f"{error.class_name}: {error.message}" if error.class_name else error.message
    yield from (f"  Note: {note}" for note in error.notes)
    for frame in error.frames:
        yield f"  {frame.place} in {frame.function}"
        yield from (f"    {'>' if own else ' '}{number:5} {code}" for number, code, own in frame.source)
        yield from _rows(frame.variables, "      ")
    if error.left_out:
        yield f"  ({error.left_out} frames left out)"


def _rows(rows: Iterable[Row], indent: str) -> Iterator[str]:
    return (f"{indent}{row.full_name} = {row.text}" for row in rows if not row.is_group)


def _time(moment: datetime) -> str:
    return f"{local(moment):%Y-%m-%d %H:%M:%S %z}"
