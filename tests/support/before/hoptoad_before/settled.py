"""The last look at a notice before anyone else sees it: what was masked once is masked everywhere."""

from collections.abc import Mapping
from dataclasses import replace

from hoptoad_before.budget import Budget
from hoptoad_before.cleaned import hidden, origin
from hoptoad_before.masked import REAPPEARS, Finder, Masked, Row
from hoptoad_before.notice import Data, ErrorInfo, Frame, Notice, RequestInfo, User, Value

_USER = ("id", "name", "email", "username")


def settled(notice: Notice, budget: Budget, masked: Masked) -> Notice:
    """The notice within its bounds, and without a masked value in any of its texts."""
    texts = _texts(notice)
    plain = [text for text in texts if type(text) is str]
    is_plain = len(plain) == len(texts)
    finder = masked.reappearing(plain if is_plain else [origin(text)[0] for text in texts])
    is_done = not budget.has_long_texts and (finder is None or not finder.spans("\0".join(plain)))
    if is_done and is_plain:
        return notice
    return _Settler(budget, masked, finder, plain_is_done=is_done).notice(notice)


class _Settler:
    """`plain_is_done` where only texts in which something is masked are still to be looked at."""

    def __init__(self, budget: Budget, masked: Masked, finder: Finder | None, *, plain_is_done: bool) -> None:
        self._budget = budget
        self._masked = masked
        self._finder = finder
        self._plain_is_done = plain_is_done

    def notice(self, notice: Notice) -> Notice:
        return replace(
            notice,
            error=self._error(notice.error, "error"),
            causes=tuple(self._error(cause, "causes") for cause in notice.causes),
            request=self._request(notice.request),
            user=self._user(notice.user),
            extra=self._data(notice.extra, "extra"),
        )

    def _user(self, user: User | None) -> User | None:
        if user is None:
            return None
        told = {name: self._text(getattr(user, name), "user", name) for name in _USER}
        return User(**told)

    def _error(self, error: ErrorInfo, section: str) -> ErrorInfo:
        return replace(
            error,
            class_name=self._text(error.class_name, section, "class"),
            message=self._text(error.message, section, "message"),
            notes=tuple(self._text(note, section, "note") for note in error.notes),
            frames=tuple(
                self._frame(frame) if frame.variables or frame.source else frame for frame in error.frames
            ),
        )

    def _frame(self, frame: Frame) -> Frame:
        return replace(
            frame,
            variables=self._data(frame.variables, "variables"),
            source=tuple((number, self._text(line, "source", str(number))) for number, line in frame.source),
        )

    def _request(self, request: RequestInfo) -> RequestInfo:
        return replace(
            request,
            url=self._text(request.url, "request", "url"),
            params=self._data(request.params, "params"),
            session=self._data(request.session, "session"),
            cgi_data=self._data(request.cgi_data, "cgi-data"),
        )

    def _data(self, data: Data, section: str) -> Data:
        if self._plain_is_done and {*map(type, data), *map(type, data.values())} <= {str}:
            return data
        settled: dict[str, Value] = {}
        for key, value in data.items():
            name = shown = self._text(key, section, "a name")
            while name in settled:  # two names that differed in a secret only
                name += "'"
            settled[name] = self._value(value, section, shown)
        return settled

    def _value(self, value: Value, section: str, name: str) -> Value:
        if isinstance(value, str):
            return self._text(value, section, name)
        if isinstance(value, tuple):
            return tuple(self._value(item, section, name) for item in value)
        return self._data(value, section)

    def _text(self, text: str, section: str, name: str) -> str:
        if self._plain_is_done and type(text) is str:
            return text
        raw, hidden_before = origin(text)
        found = self._finder.spans(raw) if self._finder is not None else []
        if found and hidden(raw, [*hidden_before, *found]) != text:
            self._masked.rows.append(Row(section, name, name, REAPPEARS))
        return self._budget.settle(text, found)


def _texts(notice: Notice) -> list[str]:
    """All that the site's data has become in the notice."""
    texts = [notice.request.url]
    for error in (notice.error, *notice.causes):
        texts += (error.class_name, error.message)
        texts.extend(error.notes)
        for frame in error.frames:
            if frame.variables:
                _add_texts(frame.variables, texts)
            if frame.source:
                texts.extend(line for _, line in frame.source)
    if notice.user is not None:
        texts.extend(getattr(notice.user, name) for name in _USER)
    for data in (notice.request.params, notice.request.session, notice.request.cgi_data, notice.extra):
        _add_texts(data, texts)
    return texts


def _add_texts(value: "Data | tuple[Value, ...]", texts: list[str]) -> None:
    if isinstance(value, Mapping):
        texts.extend(value)
    for item in value.values() if isinstance(value, Mapping) else value:
        if isinstance(item, str):
            texts.append(item)
        else:
            _add_texts(item, texts)
