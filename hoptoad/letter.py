"""A notice as a letter: what a person reads where there is no server to look at it with."""

from collections.abc import Iterator, Mapping

from hoptoad.notice import Notice, Value

_MAX_SUBJECT = 200


def is_broken_link(notice: Notice) -> bool:
    """Whether it tells of a page that was not found: the managers' business, not the admins'."""
    return notice.error.class_name == "Http404"


def subject(notice: Notice) -> str:
    """One line; Django's EMAIL_SUBJECT_PREFIX comes before it."""
    first = " ".join(notice.error.message.split())
    return f"{notice.server.environment_name}: {first}"[:_MAX_SUBJECT]


def body(notice: Notice) -> str:
    """The whole notice as plain text."""
    return "\n".join(_lines(notice)) + "\n"


def flat(data: "Mapping[str, Value]", prefix: str = "") -> list[tuple[str, str]]:
    """Nested data as `user[name]` and its text."""
    pairs: list[tuple[str, str]] = []
    for key, value in data.items():
        name = f"{prefix}[{key}]" if prefix else key
        if isinstance(value, tuple):
            value = {str(index): item for index, item in enumerate(value)}
        pairs += flat(value, name) if isinstance(value, Mapping) else [(name, value)]
    return pairs


def where(notice: Notice) -> str:
    """`component#action`, as Errbit writes it."""
    return "#".join(filter(None, (notice.request.component, notice.request.action)))


def _lines(notice: Notice) -> Iterator[str]:
    request = notice.request
    yield notice.error.message
    yield ""
    for name, text in (
        ("Where", where(notice)),
        ("URL", request.url),
        ("User", notice.user.id if notice.user else ""),
        ("Host", notice.server.hostname),
        ("Version", notice.server.app_version),
        ("Framework", notice.framework),
        ("Number", notice.id),
    ):
        if text:
            yield f"{name + ':':<11}{text}"
    yield ""
    yield "Backtrace (innermost first):"
    for frame in notice.error.frames:
        yield f"  {frame.file}:{frame.line} in {frame.function}"
    for title, data in (
        ("Parameters", request.params),
        ("Session", request.session),
        ("Environment", request.cgi_data),
    ):
        if data:
            yield ""
            yield f"{title}:"
            yield from (f"  {name} = {text}" for name, text in flat(data))
