"""All texts of a notice: `walk` visits and changes them, a `Page` joins them for one look at all."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from itertools import accumulate
from operator import is_not
from typing import Any, Literal, TypeVar

from hoptoad.notice import Data, ErrorInfo, Frame, Notice, RequestInfo, User, Value

# How a text is read: the key of a value, free text, an exception's class, an address, a query string, a
# line of code, a text that is only searched for the secrets of others, one that nothing is looked for in.
Kind = Literal["name", "text", "class", "url", "query", "source", "quoted", "fixed"]
# A text, its kind, its section and its name, `cart[items][0][size]` in nested data.
Text = tuple[str, Kind, str, str]
# What `walk` calls: with some texts; it returns what they become, or None if all stay as they are.
Change = Callable[[list[Text]], list[str] | None]

_USER = ("id", "name", "email", "username")
# The server sets these, or we do.
FIXED_NAMES = frozenset(
    "GATEWAY_INTERFACE HTTPS REMOTE_ADDR REMOTE_PORT REQUEST_METHOD REQUEST_SCHEME SERVER_NAME SERVER_PORT"
    " SERVER_PROTOCOL SERVER_SOFTWARE INTERNAL_IP EXCEPTION_REPORTER".split()
)
_KINDS: dict[str, Kind] = {
    "QUERY_STRING": "query",
    "HTTP_COOKIE": "quoted",
    **dict.fromkeys(FIXED_NAMES, "fixed"),
}
_NO_KINDS: dict[str, Kind] = {}
_T = TypeVar("_T")
_Item = TypeVar("_Item", Notice, RequestInfo, User, ErrorInfo, Frame)


def walk(notice: Notice, change: Change, *, look: Change | None = None) -> Notice:
    """The notice with its texts as `change` returns them, in an order that is always the same.

    What is not changed is not copied. `look` is called with what is never changed as well: frames, the
    view, the server.

    >>> walk(notice, lambda texts: [text.replace("frog", "****") for text, kind, section, name in texts])
    """
    request, user = notice.request, notice.user
    error = _error(notice.error, "error", change, look)
    causes = _each(notice.causes, [_error(cause, "causes", change, look) for cause in notice.causes])
    cgi_data = _data(request.cgi_data, "cgi-data", change)
    params = _data(request.params, "params", change)
    session = _data(request.session, "session", change)
    url = _changed([(request.url, "url", "request", "url")], change)[0]
    request = _replaced(request, cgi_data=cgi_data, params=params, session=session, url=url)
    if user is not None:
        texts: list[Text] = [(getattr(user, name), "text", "user", name) for name in _USER]
        user = _replaced(user, **dict(zip(_USER, _changed(texts, change), strict=True)))
    extra = _data(notice.extra, "extra", change)
    if look is not None:
        _look_at_the_rest(notice, look)
    return _replaced(notice, error=error, causes=causes, request=request, user=user, extra=extra)


def _changed(texts: list[Text], change: Change) -> list[str]:
    return (change(texts) if texts else None) or _unchanged(texts)


def _unchanged(texts: list[Text]) -> list[str]:
    return [text for text, _, _, _ in texts]


def _replaced(item: _Item, **fields: Any) -> _Item:
    """The item with these fields; itself if it has them already."""
    changed = {name: value for name, value in fields.items() if value is not getattr(item, name)}
    return replace(item, **changed) if changed else item


def _each(items: tuple[_T, ...], changed: list[_T]) -> tuple[_T, ...]:
    """The changed items; the tuple itself if they are the same."""
    return tuple(changed) if any(map(is_not, items, changed)) else items


def _look_at_the_rest(notice: Notice, look: Change) -> None:
    request, server = notice.request, notice.server
    rest = {
        "request": {"component": request.component, "action": request.action},
        "notice": {"id": notice.id, "severity": notice.severity, "lost": str(notice.lost or "")},
        "server": {
            **{name: getattr(server, name) for name in server.__slots__},
            "framework": notice.framework,
            "language": notice.language,
        },
    }
    for section, texts in rest.items():
        look([(text, "fixed", section, name) for name, text in texts.items()])


def _error(error: ErrorInfo, section: str, change: Change, look: Change | None) -> ErrorInfo:
    texts: list[Text] = [
        (error.class_name, "class", section, "class"),
        (error.message, "text", section, "message"),
        *[(note, "text", section, "note") for note in error.notes],
        (error.module, "quoted", section, "module"),
    ]
    class_name, message, *notes, module = _changed(texts, change)
    frames = error.frames
    if look is not None or [frame for frame in frames if frame.variables or frame.source]:
        frames = _each(frames, [_frame(frame, section, change, look) for frame in frames])
    if look is not None and error.frames_left_out:
        look([(str(error.frames_left_out), "fixed", section, "frames left out")])
    return _replaced(
        error,
        class_name=class_name,
        message=message,
        frames=frames,
        notes=_each(error.notes, notes),
        module=module,
    )


def _frame(frame: Frame, section: str, change: Change, look: Change | None) -> Frame:
    if look is not None:
        look([(f"{frame.file}:{frame.line} in {frame.function}", "fixed", section, "frame")])
    if not frame.variables and not frame.source:
        return frame
    variables = _data(frame.variables, "variables", change)
    texts: list[Text] = [(text, "source", "source", f"{line}") for line, text in frame.source]
    lines = change(texts) if texts else None
    source = frame.source if lines is None else tuple(zip([n for n, _ in frame.source], lines, strict=True))
    return _replaced(frame, variables=variables, source=source)


def _data(data: Data, section: str, change: Change, above: str = "") -> Data:
    kinds = _KINDS if section == "cgi-data" else _NO_KINDS
    changed: list[Any] = []  # names and values by turns
    texts: list[Text] = []  # those up to the next nested value
    is_same = True
    for key, value in data.items():
        path = f"{above}[{key}]" if above else key
        texts += [(key, "name", section, path)]
        if type(value) is str:
            texts += [(value, kinds[path] if path in kinds else "text", section, path)]  # noqa: SIM401 - a call less for each header
            continue
        before, shown = change(texts), _value(value, section, path, change)
        is_same = is_same and before is None and shown is value
        changed += [*(before or _unchanged(texts)), shown]
        texts = []
    last = change(texts) if texts else None
    if is_same and last is None:
        return data
    changed += last or _unchanged(texts)
    named: dict[str, Value] = {}
    for name, value in zip(changed[::2], changed[1::2], strict=True):
        while name in named:  # two names that differed in a secret only
            name += "'"
        named[name] = value
    return named


def _value(value: Value, section: str, path: str, change: Change) -> Value:
    if isinstance(value, tuple):
        if {*map(type, value)} == {str}:
            texts = change([(item, "text", section, path) for item in value])  # type: ignore[misc]
            return value if texts is None else tuple(texts)
        named = [(item, path if type(item) is str else f"{path}[{n}]") for n, item in enumerate(value)]
        return _each(value, [_value(item, section, name, change) for item, name in named])
    if isinstance(value, str):
        return _changed([(value, "text", section, path)], change)[0]
    return _data(value, section, change, path)


class Page:
    """The texts of a notice in the order of `walk`, and the page: all of them with a zero between."""

    def __init__(self, entries: list[Text]) -> None:
        self.entries = entries
        self.texts = [entry[0] for entry in entries]
        self.whole = "\0".join(self.texts)
        self.starts = [*accumulate([length + 1 for length in map(len, self.texts)], initial=0)]

    def number(self, position: int) -> int:
        """The text that stands there."""
        return bisect_right(self.starts, position) - 1

    def holding(self, part: str) -> list[int]:
        """The texts that hold a part."""
        found: list[int] = []
        at = self.whole.find(part)
        while at >= 0:
            found += [bisect_right(self.starts, at) - 1]
            at = self.whole.find(part, self.starts[found[-1] + 1])
        return found
