"""Builds the section of a document that holds the request's headers and all that has no field of its own."""

from collections.abc import Iterator

from hoptoad.api.frame_text import frame_text, where
from hoptoad.notice import ErrorInfo, Notice, Value

FRAME = "FRAME"
_CAUSE_FRAMES = 10


def environment(notice: Notice) -> dict[str, Value]:
    """The request's headers, and the parts of the notice that have no field of their own.

    Servers show these as they are, and do not group by them. The details of frames come last, because
    they are the longest and may be cut.
    """
    data: dict[str, Value] = {"HOPTOAD_NOTICE_ID": notice.id}
    if notice.language:
        data["LANGUAGE"] = notice.language
    if notice.server.revision:
        data["REVISION"] = notice.server.revision
    if notice.severity != "error":
        data["SEVERITY"] = notice.severity
    if notice.lost:
        data["HOPTOAD_NOTICES_LOST"] = f"{notice.lost} by this process so far"
    if notice.error.notes:
        data["EXCEPTION_NOTES"] = "\n".join(notice.error.notes)
    for number, error in enumerate((notice.error, *notice.causes)):
        if error.frames_left_out:
            data[f"FRAMES_LEFT_OUT_{number}" if number else "FRAMES_LEFT_OUT"] = str(error.frames_left_out)
    for number, cause in enumerate(notice.causes, 1):
        data[cause_key(number)] = _cause(cause)
    if notice.extra:
        data["EXTRA"] = notice.extra
    return {**data, **notice.request.cgi_data, **dict(_details(notice))}


def cause_key(number: int) -> str:
    """The key of a cause. The nearest cause has number 1."""
    return "EXCEPTION_CAUSE" if number == 1 else f"EXCEPTION_CAUSE_{number}"


def _cause(cause: ErrorInfo) -> str:
    lines = [where(frame) for frame in cause.frames[:_CAUSE_FRAMES]]
    place = f" at {lines[0]}" if lines else ""
    return "\n".join([f"{cause.message}{place} ({cause.relation})", *cause.notes, *lines[1:]])


def _details(notice: Notice) -> Iterator[tuple[str, str]]:
    """A text for each frame with source lines or variables, numbered as in the backtrace."""
    errors = [(FRAME, notice.error)]
    errors += [(f"{cause_key(number)}_{FRAME}", cause) for number, cause in enumerate(notice.causes, 1)]
    for key, error in errors:
        for number, frame in enumerate(error.frames, 1):
            if frame.variables or frame.source:
                yield f"{key}_{number:03}", frame_text(frame)
