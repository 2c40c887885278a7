"""What no API has a place of its own for: it travels beside the headers, where servers show it as it is."""

from hoptoad.notice import Frame, Notice, Value


def environment(notice: Notice, *, with_source: bool = True) -> dict[str, Value]:
    """The headers, and our own additions before them; none of it splits a server's groups."""
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
    if notice.extra:
        data["EXTRA"] = notice.extra
    detailed = [f for f in notice.error.frames if f.variables or (f.source and with_source)]
    if detailed:
        data["FRAMES"] = tuple(_frame(frame, with_source=with_source) for frame in detailed)
    return {**data, **notice.request.cgi_data}


def _frame(frame: Frame, *, with_source: bool) -> dict[str, Value]:
    shown: dict[str, Value] = {"where": f"{frame.file}:{frame.line} in {frame.function}"}
    if frame.variables:
        shown["variables"] = frame.variables
    if frame.source and with_source:
        shown["source"] = "\n".join(
            f"{'>' if number == frame.line else ' '}{number:5} {line}" for number, line in frame.source
        )
    return shown
