"""Makes the ErrorInfo of an exception, of an error response or of a message."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from http import HTTPStatus
from types import CodeType, FrameType, TracebackType

from django.http import HttpRequest
from django.utils.encoding import escape_uri_path

from hoptoad.capture.data import DataReader, Origin
from hoptoad.capture.project import MAX_FILE, is_own, shorten, shorten_all
from hoptoad.capture.raised import causes_of, causes_with_parents, parts_of, slot
from hoptoad.capture.reporter_filter import ReporterFilter
from hoptoad.capture.stack import VariableReader, frames_of
from hoptoad.capture.values import class_name, exact, exception_text, module_of, plain, without_addresses
from hoptoad.conf.settings import Settings
from hoptoad.notice import NOTHING, ErrorInfo, Frame, Incident, Notice, Reason, Snapshot
from hoptoad.redaction.cutting import SLACK, Room, cut
from hoptoad.runtime.guards import guarded

NO_FRAME = (Frame("unknown", 0, "unknown"),)
MAX_WHERE = 500
_MIN_VALUE = 2  # characters: a shorter argument may be any letter of the text
# What is quoted, a path or an address, and every word with a digit in it.
_VALUES = re.compile(
    r"""(?<!\w)'[^'\n]*'(?!\w)|"[^"\n]*"|`[^`\n]*`|\u201c[^\u201d\n]*\u201d|\u2018[^\u2019\n]*\u2019"""
    r"""|(?<![\w<])(?:\w+:)?/\S+|(?<!\S)(?=\S*[\d@])\S+"""
)
_MAX_NAME = 255
_MAX_NOTES = 20
# Always the same, because servers group by every line of the backtrace.
_LEFT_OUT = Frame("[cut]", 0, "frames left out")
_HAS_QUALNAME = hasattr(CodeType, "co_qualname")  # from Python 3.11 on

Parts = list[tuple[TracebackType | None, TracebackType | None]]


def errors_of(
    incident: Incident,
    reporter_filter: ReporterFilter,
    reader: DataReader,
    settings: Settings,
    *,
    room: Room,
    details: Room | None,
) -> tuple[ErrorInfo, tuple[ErrorInfo, ...]]:
    """The error and its causes. `details` is the room for variables and source lines, None if not wanted."""
    failure = incident.exception
    if failure is None:
        if incident.is_request:
            return _status_error(incident, reader, room)
        return _message_error(incident, room, settings), ()
    variables = VariableReader(
        reporter_filter,
        reader,
        details or room,
        wanted=settings.local_variables,
        source_lines=settings.source_context,
        project_root=settings.project_root,
    )
    causes = [*causes_with_parents(failure)]
    raised = [failure, *[cause for cause, _, _ in causes]]
    guarded("marked variables", variables.remember_marked, None, raised, settings.max_frames)
    describer = _describer(room, settings, variables.detailed if details is not None else None)
    error, led = describer.describe(failure, causes)
    return error if error.frames else replace(error, frames=NO_FRAME), led


def reason_of(
    error: BaseException, reporter_filter: ReporterFilter, reader: DataReader, room: Room, settings: Settings
) -> Reason:
    """The Reason of an error response: its exception, to be redacted with the notice of the response."""
    variables = VariableReader(reporter_filter, reader, room, wanted=False, source_lines=0, project_root="")
    raised = [error, *[cause for cause, _ in causes_of(error)]]
    guarded("marked variables", variables.remember_marked, None, raised, settings.max_frames)
    described, _ = _describer(room, settings, None).describe(error, [])
    return Reason(described, tuple(reader.hidden))


def _describer(
    room: Room, settings: Settings, detail: "Callable[[FrameType, Frame], Frame] | None"
) -> "Describer":
    return Describer(
        room=room,
        project_root=settings.project_root,
        max_frames=settings.max_frames,
        gem_paths=settings.gem_paths,
        short_class_names=settings.short_class_names,
        detail=detail,
        parts=parts_of,
    )


def finished(notice: Notice, snapshot: Snapshot, settings: Settings) -> Notice:
    """The notice with messages that are the same for each occurrence, because servers group by them.

    Runs after redaction: a secret with a path or a number in it would not be found in a shortened text.
    """
    causes = tuple([_with_short_paths(cause, settings) for cause in notice.causes])
    error = notice.error
    if not snapshot.is_status:
        error = _with_short_paths(error, settings)
    elif causes:
        reason = notice.causes[0].message.partition(": ")[2]
        where = cut(without_values(reason, snapshot.arguments), MAX_WHERE)
        error = replace(error, message=f"{error.message}: {where}" if where else error.message)
    if error is notice.error and causes == notice.causes:
        return notice
    return replace(notice, error=error, causes=causes)


def arguments_of(request: HttpRequest | None) -> dict[str, str]:
    """The arguments of the route as text, by name or number."""
    match = getattr(request, "resolver_match", None)
    unnamed = {str(number): value for number, value in enumerate(getattr(match, "args", ()))}
    given = {**unnamed, **getattr(match, "kwargs", {})}
    return {str(name): plain(value, MAX_WHERE) for name, value in given.items()}


def without_values(text: str, arguments: Mapping[str, str]) -> str:
    """`text` without the values that differ between requests.

    `order 17 of 'bob'` becomes `order <pk> of …` where 17 is the argument `pk` of the route.
    """
    for name, shown in arguments.items():
        if shown in text and len(shown) >= _MIN_VALUE:
            text = re.sub(rf"(?<!\w){re.escape(shown)}(?!\w)", f"<{name}>", text)
    return _VALUES.sub("…", text)


def _with_short_paths(error: ErrorInfo, settings: Settings) -> ErrorInfo:
    texts = [error.message, *error.notes]
    short = [shorten_all(text, settings.project_root, gem_paths=settings.gem_paths) for text in texts]
    return error if short == texts else replace(error, message=short[0], notes=tuple(short[1:]))


def _message_error(incident: Incident, room: Room, settings: Settings) -> ErrorInfo:
    """A message as an error. Its first frame is the line that logged or sent it."""
    message = room.take(without_addresses(cut(incident.message, room.window)))
    frames: list[Frame] = []
    if incident.site is not None:
        file, line, function = incident.site
        file = shorten(file, settings.project_root, gem_paths=settings.gem_paths)
        frames.append(Frame(file, line, function))
    for frame in _callers(incident.stack, settings.max_frames):
        code = frame.f_code
        file = shorten(code.co_filename, settings.project_root, gem_paths=settings.gem_paths)
        if not frames or file.startswith("[PROJECT_ROOT]"):  # frames of a web server would split the groups
            frames.append(Frame(file, frame.f_lineno, getattr(code, "co_qualname", code.co_name)))
    return ErrorInfo(incident.kind, message or incident.kind, tuple(frames) or NO_FRAME, is_message=True)


def _callers(frame: FrameType | None, max_frames: int) -> Iterator[FrameType]:
    for _ in range(max_frames):
        if frame is None:
            return
        yield frame
        frame = frame.f_back


def _status_error(
    incident: Incident, reader: DataReader, room: Room
) -> tuple[ErrorInfo, tuple[ErrorInfo, ...]]:
    kind = f"Http{incident.status}"
    match = getattr(incident.request, "resolver_match", None)
    # All pages of a route are one group. Without a route, each path is one.
    if match is not None:
        where = f"/{match.route}"
    else:
        where = escape_uri_path(cut(getattr(incident.request, "path", ""), MAX_WHERE + SLACK))
    message = room.take(f"{kind}: {_phrase(incident.status)} at {where}", MAX_WHERE)
    reason = incident.reason
    if reason is None:
        return ErrorInfo(kind, message, NO_FRAME), ()
    for secret in reason.hidden:
        reader.add(secret.value, secret.name, secret.rule, Origin(*secret[1:2]))
    said = reason.error
    cause = replace(
        said,
        message=room.take(said.message),
        notes=tuple([room.take(note) for note in said.notes]),
        relation="cause",
    )
    return ErrorInfo(kind, message, said.frames or NO_FRAME, frames_left_out=said.frames_left_out), (cause,)


def _phrase(status: int) -> str:
    if status == HTTPStatus.NOT_FOUND:
        return "Page not found"  # as it has read since 0.2
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown status"


def _whole(error: BaseException) -> Parts:
    return [(slot(error, "__traceback__"), None)]


class Describer:
    """Copies class, message, frames and notes of exceptions, within the given room.

    Whatever an exception tries: cycles, lies, failing texts, endless tracebacks. `detail` adds variables
    and source to a frame. `parts` chooses the parts of a traceback, outermost first: first frame and end.
    """

    def __init__(
        self,
        *,
        room: Room,
        project_root: str,
        max_frames: int,
        gem_paths: bool = False,
        short_class_names: bool = False,
        detail: "Callable[[FrameType, Frame], Frame] | None" = None,
        parts: "Callable[[BaseException], Parts]" = _whole,
    ) -> None:
        self._room = room
        self._project_root = project_root
        self._max_frames = max_frames
        self._gem_paths = gem_paths
        self._short = short_class_names
        self._detail = detail
        self._parts = parts

    def describe(
        self, error: BaseException, causes: "Iterable[tuple[BaseException, str, int]]"
    ) -> tuple[ErrorInfo, tuple[ErrorInfo, ...]]:
        """The error, and its causes, contexts and group members, which are those of `causes_with_parents`."""
        main = self._info(error, "", 0)
        return main, tuple([self._info(cause, relation, parent) for cause, relation, parent in causes])

    def _info(self, error: BaseException, relation: str, parent: int) -> ErrorInfo:
        name = class_name(type(error))
        short = name.rpartition(".")[2]
        parts = [self._frames(*part) for part in reversed(self._parts(error))]
        frames, left_out = parts[0]
        for more, number in parts[1:]:
            frames, left_out = frames + more, left_out + number
        return ErrorInfo(
            class_name=cut(short if self._short else name, _MAX_NAME).strip() or "Exception",
            message=self._message(error, short.strip() or "Exception"),
            frames=frames,
            frames_left_out=left_out,
            notes=tuple([self._text(note) for note in _notes(error)]),
            relation=relation,
            module=cut(module_of(type(error)), _MAX_NAME),
            parent=parent,
        )

    def _message(self, error: BaseException, short: str) -> str:
        window = self._room.window
        text = without_addresses(cut(exception_text(error, window).strip(), window))
        return self._room.take(f"{short}: {text}" if text else short)

    def _text(self, text: str) -> str:
        return self._room.take(without_addresses(cut(text, self._room.window)))

    def _frames(
        self, traceback: TracebackType | None, end: TracebackType | None
    ) -> tuple[tuple[Frame, ...], int]:
        """The frames, and how many are left out of their middle."""
        root, gem_paths, detail = self._project_root, self._gem_paths, self._detail
        shown: list[Frame] = []
        left_out = 0
        for frame, line in frames_of(self._from_own(traceback, end), self._max_frames, end):
            if frame is None:
                shown += [_LEFT_OUT]
                left_out = line
                continue
            code = frame.f_code
            file = code.co_filename
            function: str = code.co_qualname if _HAS_QUALNAME else code.co_name  # type: ignore[attr-defined,unused-ignore]
            # A site that compiles what its users write can be made to name a file anything.
            is_usual = not (file[MAX_FILE:] or function[_MAX_NAME:])
            at = _at if is_usual else _at.__wrapped__
            found = at(file, line, function, root, gem_paths)
            shown += [found if detail is None else detail(frame, found)]
        return tuple(shown), left_out

    def _from_own(self, traceback: TracebackType | None, end: TracebackType | None) -> TracebackType | None:
        """The traceback from the project's outermost frame on; all of it if it has none.

        The frames before, of the web server and Django's handlers, differ between WSGI and ASGI and with each
        upgrade. They would split the error server's groups.
        """
        step = traceback
        while step is not None and step is not end:
            if is_own(step.tb_frame.f_code.co_filename, self._project_root):
                return step
            step = step.tb_next
        return traceback


@lru_cache(maxsize=4096)
def _at(file: str, line: int, function: str, project_root: str, gem_paths: bool) -> Frame:
    """The Frame of a line. Cached: a line that fails once fails again."""
    file = shorten(file, project_root, gem_paths=gem_paths)
    return Frame(file or "unknown", line, cut(function, _MAX_NAME), NOTHING)


def _notes(error: BaseException) -> list[str]:
    notes = slot(error, "__dict__").get("__notes__", ())
    if type(notes) not in (list, tuple):
        return []
    return [exact(note) for note in notes[:_MAX_NOTES] if issubclass(type(note), str)]
