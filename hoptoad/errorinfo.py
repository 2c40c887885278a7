"""What is said of the failure itself: an exception, a status that was answered, or a message."""

from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from types import FrameType

from django.utils.encoding import escape_uri_path

from hoptoad.budget import Budget
from hoptoad.cleaned import joined, mapped
from hoptoad.conf import Settings
from hoptoad.failures import Describer
from hoptoad.guard import guarded
from hoptoad.masked import SLACK
from hoptoad.notice import ErrorInfo, Frame, Incident
from hoptoad.paths import shorten, shorten_all
from hoptoad.reporterfilter import ReporterFilter
from hoptoad.scrub import Scrubber
from hoptoad.text import cut, without_addresses
from hoptoad.variables import VariableReader

NO_FRAME = (Frame("unknown", 0, "unknown"),)
_MAX_WHERE = 500
_SHARE_OF_FRAMES = 0.4  # what variables and source lines may take of a notice


def errors_of(
    incident: Incident, contract: ReporterFilter, scrubber: Scrubber, budget: Budget, settings: Settings
) -> tuple[ErrorInfo, tuple[ErrorInfo, ...]]:
    """The error, and what led to it."""
    scrubber.masked.section, scrubber.masked.field = "error", "message"
    if incident.exception is None:
        if incident.is_request:
            return _status_error(incident, scrubber, budget), ()
        return _message_error(incident, scrubber, budget, settings), ()
    wants_detail = settings.local_variables or bool(settings.source_context)
    variables = VariableReader(
        contract,
        scrubber,
        budget.part(_SHARE_OF_FRAMES) if wants_detail else budget,
        wanted=settings.local_variables,
        source_lines=settings.source_context,
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
    )
    error, causes = describer.describe(failure)
    return error if error.frames else replace(error, frames=NO_FRAME), causes


def with_short_paths(error: ErrorInfo, settings: Settings) -> ErrorInfo:
    """The error with the paths in its texts written like those of its frames: a release is no new problem.

    For texts in which all secrets are masked by now; one that holds a path would not be found afterwards.
    """

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


def _status_error(incident: Incident, scrubber: Scrubber, budget: Budget) -> ErrorInfo:
    kind = f"Http{incident.status}"
    match = getattr(incident.request, "resolver_match", None)
    # A route groups all its pages into one problem; a path that no route knows stands for itself.
    if match is not None:
        where = f"/{match.route}"
    else:  # scrubbed before it is quoted: `;jsessionid=` is none after
        path = getattr(incident.request, "path", "")
        where = mapped(escape_uri_path, scrubber.text(cut(path, _MAX_WHERE + SLACK)))
    message = budget.spend(joined(f"{kind}: {_phrase(incident.status)} at ", where), _MAX_WHERE)
    return ErrorInfo(kind, message, NO_FRAME)


def _phrase(status: int) -> str:
    if status == HTTPStatus.NOT_FOUND:
        return "Page not found"  # as it has read since 0.2
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown status"
