"""The last look at a notice before anyone else sees it: what was masked once is masked everywhere."""

from collections.abc import Mapping
from dataclasses import replace

from hoptoad.budget import Budget
from hoptoad.masked import REAPPEARS, Eraser, Masked, Row
from hoptoad.notice import Data, ErrorInfo, Frame, Notice, RequestInfo, User, Value

_USER = ("id", "name", "email", "username")


def settled(notice: Notice, budget: Budget, masked: Masked) -> Notice:
    """The notice within its bounds, and without a masked value in any of its texts."""
    erase = masked.reappearing(texts_of(notice))
    return _Settler(budget, masked, erase).notice(notice) if erase or budget.has_long_texts else notice


class _Settler:
    def __init__(self, budget: Budget, masked: Masked, erase: Eraser | None) -> None:
        self._budget = budget
        self._masked = masked
        self._erase = erase

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
        clear = text if self._erase is None else self._erase(text)
        if clear != text:
            self._masked.rows.append(Row(section, name, name, REAPPEARS))
        return self._budget.settle(text, clear)


def texts_of(notice: Notice) -> list[str]:
    """All that the site's data has become in a notice."""
    texts = [notice.request.url]
    for error in (notice.error, *notice.causes):
        texts.append(error.message)
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
