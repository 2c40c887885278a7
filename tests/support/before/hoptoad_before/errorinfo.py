"""What is said of the failure itself: an exception, a status that was answered, or a message."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from http import HTTPStatus
from types import FrameType

from django.utils.encoding import escape_uri_path

from hoptoad_before import once
from hoptoad_before.budget import Budget
from hoptoad_before.cleaned import joined, mapped
from hoptoad_before.conf import Settings
from hoptoad_before.failures import Describer
from hoptoad_before.guard import guarded
from hoptoad_before.lazily import compiled
from hoptoad_before.notice import ErrorInfo, Frame, Incident, Notice, Reason
from hoptoad_before.paths import shorten, shorten_all
from hoptoad_before.reporterfilter import ReporterFilter
from hoptoad_before.scrub import Scrubber
from hoptoad_before.text import SLACK, cut, plain, without_addresses
from hoptoad_before.variables import VariableReader

NO_FRAME = (Frame("unknown", 0, "unknown"),)
_MAX_WHERE = 500
_MIN_VALUE = 2  # characters: a shorter argument may be any letter of the text
# What is quoted, a path or an address, and every word with a digit in it.
_VALUES = compiled(
    r"""(?<!\w)'[^'\n]*'(?!\w)|"[^"\n]*"|`[^`\n]*`|\u201c[^\u201d\n]*\u201d|\u2018[^\u2019\n]*\u2019"""
    r"""|(?<![\w<])(?:\w+:)?/\S+|(?<!\S)(?=\S*[\d@])\S+"""
)
_SHARE_OF_FRAMES = 0.4  # what variables and source lines may take of a notice


def errors_of(
    incident: Incident, contract: ReporterFilter, scrubber: Scrubber, budget: Budget, settings: Settings
) -> tuple[ErrorInfo, tuple[ErrorInfo, ...]]:
    """The error, and what led to it."""
    scrubber.masked.section, scrubber.masked.field = "error", "message"
    if incident.exception is None:
        if incident.is_request:
            return _status_error(incident, scrubber, budget)
        return _message_error(incident, scrubber, budget, settings), ()
    wants_detail = settings.local_variables or bool(settings.source_context)
    variables = VariableReader(
        contract,
        scrubber,
        budget.part(_SHARE_OF_FRAMES) if wants_detail else budget,
        wanted=settings.local_variables,
        source_lines=settings.source_context,
        project_root=settings.project_root,
    )
    failure = incident.exception
    guarded("marked variables", lambda: variables.remember_marked(failure, settings.max_frames), None)
    describer = Describer(
        scrub=scrubber.text,
        spend=budget.spend,
        project_root=settings.project_root,
        max_text=budget.window,
        max_frames=settings.max_frames,
        gem_paths=settings.gem_paths,
        short_class_names=settings.short_class_names,
        detail=variables.detailed if wants_detail else None,
        parts=once.parts_of,
    )
    error, causes = describer.describe(failure)
    return error if error.frames else replace(error, frames=NO_FRAME), causes


def reason_of(
    error: BaseException, contract: ReporterFilter, scrubber: Scrubber, budget: Budget, settings: Settings
) -> Reason:
    """Why a view refuses to answer, to be redacted with the notice of the answer."""
    variables = VariableReader(contract, scrubber, budget, wanted=False, source_lines=0, project_root="")
    guarded("marked variables", lambda: variables.remember_marked(error, settings.max_frames), None)
    describer = Describer(
        scrub=_unchanged,
        spend=_unchanged,
        project_root=settings.project_root,
        max_text=budget.window,
        max_frames=settings.max_frames,
        gem_paths=settings.gem_paths,
        short_class_names=settings.short_class_names,
        parts=once.parts_of,
    )
    return Reason(describer.describe(error)[0], scrubber.masked.values)


def finished(notice: Notice, incident: Incident, settings: Settings) -> Notice:
    """The notice with texts that stay the same where the failure is the same, because servers group by them.

    Its secrets are masked by now; one that holds a path or a number would not be found afterwards.
    """
    causes = tuple(_with_short_paths(cause, settings) for cause in notice.causes)
    if not incident.status:
        return replace(notice, error=_with_short_paths(notice.error, settings), causes=causes)
    if not causes:
        return notice
    match = getattr(incident.request, "resolver_match", None)
    unnamed = {str(number): value for number, value in enumerate(getattr(match, "args", ()))}
    reason = causes[0].message.partition(": ")[2]
    told = cut(without_values(reason, {**unnamed, **getattr(match, "kwargs", {})}), _MAX_WHERE)
    message = f"{notice.error.message}: {told}" if told else notice.error.message
    return replace(notice, error=replace(notice.error, message=message), causes=causes)


def without_values(text: str, arguments: Mapping[str, object]) -> str:
    """`text` without what differs from one request to the next.

    `order 17 of 'bob'` becomes `order <pk> of …` where 17 is the argument `pk` of the route.
    """
    for name, value in arguments.items():
        shown = plain(value, _MAX_WHERE)
        if shown in text and len(shown) >= _MIN_VALUE:
            text = re.sub(rf"(?<!\w){re.escape(shown)}(?!\w)", f"<{name}>", text)
    return _VALUES.sub("…", text)


def _unchanged(text: str) -> str:
    return text


def _with_short_paths(error: ErrorInfo, settings: Settings) -> ErrorInfo:
    def shortened(text: str) -> str:
        return shorten_all(text, settings.project_root, gem_paths=settings.gem_paths)

    return replace(error, message=shortened(error.message), notes=tuple(map(shortened, error.notes)))


def _message_error(incident: Incident, scrubber: Scrubber, budget: Budget, settings: Settings) -> ErrorInfo:
    """A message as an error: where it was said stands for the line that raised."""
    message = budget.spend(scrubber.text(without_addresses(cut(incident.message, budget.window))))
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
    return ErrorInfo(incident.kind, message or incident.kind, tuple(frames) or NO_FRAME)


def _callers(frame: FrameType | None, max_frames: int) -> Iterator[FrameType]:
    for _ in range(max_frames):
        if frame is None:
            return
        yield frame
        frame = frame.f_back


def _status_error(
    incident: Incident, scrubber: Scrubber, budget: Budget
) -> tuple[ErrorInfo, tuple[ErrorInfo, ...]]:
    kind = f"Http{incident.status}"
    match = getattr(incident.request, "resolver_match", None)
    # A route groups all its pages into one problem; a path that no route knows stands for itself.
    if match is not None:
        where = f"/{match.route}"
    else:  # scrubbed before it is quoted: `;jsessionid=` is none after
        path = getattr(incident.request, "path", "")
        where = mapped(escape_uri_path, scrubber.text(cut(path, _MAX_WHERE + SLACK)))
    message = budget.spend(joined(f"{kind}: {_phrase(incident.status)} at ", where), _MAX_WHERE)
    reason = incident.reason
    if reason is None:
        return ErrorInfo(kind, message, NO_FRAME), ()
    for text in reason.hidden:
        scrubber.masked.remember(text)
    said = reason.error
    cause = replace(
        said,
        message=budget.spend(scrubber.text(said.message)),
        notes=tuple(budget.spend(scrubber.text(note)) for note in said.notes),
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
