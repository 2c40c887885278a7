"""What a log record says, without evaluating its arguments: that of a QuerySet runs SQL."""

import logging
import sys
from typing import Any

from hoptoad_before.text import SLACK, bounded_repr, cut, exact, plain

_MAX_TEMPLATE = 2048 + SLACK
_PLAIN = (str, int, float, bool, type(None))


def formatted(record: logging.LogRecord, max_chars: int) -> str:
    """The record's message with its arguments in it, at most `max_chars` characters.

    That is SLACK more than are shown: a secret at the end of these must be seen whole.
    """
    text = template(record)
    if not record.args:
        return cut(text, max_chars)
    try:
        return cut(text % _safe(record.args, max_chars), max_chars)
    except Exception:  # arguments that do not fit, or an object that %d cannot take
        return cut(f"{text} {bounded_repr(record.args, max_chars)}", max_chars)


def template(record: logging.LogRecord) -> str:
    """The message without its arguments: the same for every record of one call."""
    event = event_of(record)
    if event:
        return exact(event["event"])
    return exact(record.msg) if issubclass(type(record.msg), str) else plain(record.msg, _MAX_TEMPLATE)


def event_of(record: logging.LogRecord) -> dict[str, Any]:
    """The dictionary that structlog logs in place of a message; empty where it is none.

    `{"event": "payment failed", "order": 7, "timestamp": "2026-01-31T10:00:00Z"}`
    """
    event = record.msg
    is_event = type(event) is dict and type(event.get("event")) is str
    return event if is_event else {}  # type: ignore[return-value]


def exception_of(record: logging.LogRecord) -> BaseException | None:
    """The exception of a record, which structlog may leave in its dictionary."""
    given: Any = record.exc_info or event_of(record).get("exc_info")
    if given is True:
        given = sys.exc_info()
    error = given[1] if type(given) is tuple and len(given) == 3 else given
    return error if isinstance(error, BaseException) else None


class _Shown:
    """Stands for an argument that must not be evaluated."""

    def __init__(self, value: object, max_chars: int) -> None:
        self._value = value
        self._max_chars = max_chars

    def __str__(self) -> str:
        return plain(self._value, self._max_chars)

    def __repr__(self) -> str:
        return bounded_repr(self._value, self._max_chars)


def _safe(args: Any, max_chars: int) -> Any:
    if issubclass(type(args), dict):
        return {name: _shown(value, max_chars) for name, value in dict.items(args)}
    return (
        tuple(_shown(value, max_chars) for value in args) if type(args) is tuple else _shown(args, max_chars)
    )


def _shown(value: object, max_chars: int) -> object:
    return value if type(value) in _PLAIN else _Shown(value, max_chars)
