"""What is said of the failure itself: an exception, a status that was answered, or a message."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from http import HTTPStatus
from types import FrameType

from django.http import HttpRequest
from django.utils.encoding import escape_uri_path

from hoptoad.capture.data import DataReader, Origin, Room
from hoptoad.capture.failures import Describer
from hoptoad.capture.paths import shorten, shorten_all
from hoptoad.capture.reporter_filter import ReporterFilter
from hoptoad.capture.sightings import parts_of
from hoptoad.capture.stack import VariableReader
from hoptoad.capture.values import plain, without_addresses
from hoptoad.conf.settings import Settings
from hoptoad.notice import ErrorInfo, Frame, Incident, Notice, Reason, Snapshot
from hoptoad.redaction.cutting import SLACK, cut
from hoptoad.runtime.guards import guarded

NO_FRAME = (Frame("unknown", 0, "unknown"),)
MAX_WHERE = 500
_MIN_VALUE = 2  # characters: a shorter argument may be any letter of the text
# What is quoted, a path or an address, and every word with a digit in it.
_VALUES = re.compile(
    r"""(?<!\w)'[^'\n]*'(?!\w)|"[^"\n]*"|`[^`\n]*`|\u201c[^\u201d\n]*\u201d|\u2018[^\u2019\n]*\u2019"""
    r"""|(?<![\w<])(?:\w+:)?/\S+|(?<!\S)(?=\S*[\d@])\S+"""
)


def errors_of(
    incident: Incident,
    contract: ReporterFilter,
    reader: DataReader,
    settings: Settings,
    *,
    room: Room,
    details: Room | None,
) -> tuple[ErrorInfo, tuple[ErrorInfo, ...]]:
    """The error, and what led to it. `details` is the room for variables and source lines, where wanted."""
    failure = incident.exception
    if failure is None:
        if incident.is_request:
            return _status_error(incident, reader, room)
        return _message_error(incident, room, settings), ()
    variables = VariableReader(
        contract,
        reader,
        details or room,
        wanted=settings.local_variables,
        source_lines=settings.source_context,
        project_root=settings.project_root,
    )
    guarded("marked variables", lambda: variables.remember_marked(failure, settings.max_frames), None)
    describer = _describer(room, settings, variables.detailed if details is not None else None)
    error, causes = describer.describe(failure)
    return error if error.frames else replace(error, frames=NO_FRAME), causes


def reason_of(
    error: BaseException, contract: ReporterFilter, reader: DataReader, room: Room, settings: Settings
) -> Reason:
    """Why a view refuses to answer, to be redacted with the notice of the answer."""
    variables = VariableReader(contract, reader, room, wanted=False, source_lines=0, project_root="")
    guarded("marked variables", lambda: variables.remember_marked(error, settings.max_frames), None)
    described, _ = _describer(room, settings, None).describe(error)
    return Reason(described, tuple(reader.hidden))


def _describer(
    room: Room, settings: Settings, detail: "Callable[[FrameType, Frame], Frame] | None"
) -> Describer:
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
    """The notice with texts that stay the same where the failure is the same, because servers group by them.

    Its secrets are masked by now; one that holds a path or a number would not be found afterwards.
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
    """`text` without what differs from one request to the next.

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
    """A message as an error: where it was said stands for the line that raised."""
    message = room.take(without_addresses(cut(incident.message, room.window)))
    frames: list[Frame] = []
    if incident.site is not None:
        file, line, function = incident.site
        file = shorten(file, settings.project_root, gem_paths=settings.gem_paths)
        frames.append(Frame(file, line, function))
    for frame in _callers(incident.stack, settings.max_frames):
        code = frame.f_code
        file = shorten(code.co_filename, settings.project_root, gem_paths=settings.gem_paths)
        if not frames or file.startswith("[PROJECT_ROOT]"):  # a server's own frames would split its groups
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
    # A route groups all its pages into one problem; a path that no route knows stands for itself.
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
