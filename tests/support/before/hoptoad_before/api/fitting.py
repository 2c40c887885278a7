"""Making a JSON document fit: the longest texts are cut first, and everything cut says so."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

CUT = "… [cut]"
_READABLE = 1000  # characters that a cut text keeps while there is anything else to leave out
_SHORTEST = 32  # and at least
_MAX_ENTRIES = 2048
_OPEN = ("environment", "params", "session")
_GAP = {"file": "[cut]", "line": 0, "function": "frames left out"}
_LEFT_OUT = "FRAMES_LEFT_OUT"
_STEPS = 6  # in which an estimate is corrected


def fitted(document: dict[str, Any], max_bytes: int) -> bytes:
    """A version 3 document as JSON in UTF-8, in at most `max_bytes` bytes where that is 8,000 or more.

    The longest texts are cut first, all at one length, so that short ones stay whole: those of the
    request, of the session, of the environment, and messages. Where _READABLE characters of each are
    still too much, the source lines of backtraces go, which the environment has as well. Then texts are
    cut further. Then backtraces lose their middle, and objects and lists their last entries. What a server
    groups by stays as it is.
    """
    body = encoded(document)
    if len(body) <= max_bytes:
        return body
    if (shortened := _short(document, max_bytes, _READABLE)) is not None:
        return shortened
    document = _without_source(document)
    entries = _MAX_ENTRIES
    while entries:
        if (shortened := _short(document, max_bytes, _SHORTEST)) is not None:
            return shortened
        entries //= 2
        document = _few(document, entries)
    return encoded(document)


def encoded(document: Any) -> bytes:
    """JSON without the numbers that it does not know. Raises ValueError for NaN and infinity."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _short(document: dict[str, Any], max_bytes: int, shortest: int) -> bytes | None:
    """The document with texts as long as may be, or None where `shortest` characters are too many."""
    sizes: list[tuple[int, int]] = []

    def measured(text: str) -> str:
        if len(text) > shortest:
            sizes.append((len(text), len(json.dumps(text, ensure_ascii=False).encode())))
        return text

    _changed(document, measured)
    room = max_bytes - len(encoded(document)) + sum(size for _, size in sizes)
    longest = _longest(sizes, room, shortest)
    for _ in range(_STEPS):
        body = encoded(_changed(document, partial(_cut, longest)))
        if len(body) <= max_bytes:
            return body
        if longest == shortest:
            return None
        longest = max(longest * max_bytes // len(body) - len(CUT), shortest)
    return None


def _longest(sizes: list[tuple[int, int]], room: int, shortest: int) -> int:
    """How many characters each text may keep for all to fit into `room` bytes, by estimate."""
    low, high = shortest, max((length for length, _ in sizes), default=shortest)
    while low < high:
        middle = (low + high + 1) // 2
        needed = sum(size * min(length, middle) // length + 4 for length, size in sizes)
        low, high = (middle, high) if needed <= room else (low, middle - 1)
    return low


def _changed(document: dict[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """The document with its open-ended texts changed."""
    errors = [{**error, "message": change(error["message"])} for error in document["errors"]]
    sections = {name: _mapped(document[name], change) for name in _OPEN if name in document}
    return {**document, "errors": errors, **sections}


def _without_source(document: dict[str, Any]) -> dict[str, Any]:
    errors = [
        {**error, "backtrace": [_without_code(line) for line in error["backtrace"]]}
        for error in document["errors"]
    ]
    return {**document, "errors": errors}


def _without_code(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name != "code"}


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _mapped(item, change) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_mapped(item, change) for item in value]
    return value


def _few(document: dict[str, Any], entries: int) -> dict[str, Any]:
    """The document with at most `entries` in each open-ended object and in each backtrace."""
    errors = [{**error, "backtrace": _lines(error["backtrace"], entries)} for error in document["errors"]]
    sections = {name: _entries(document[name], entries) for name in _OPEN if name in document}
    if left_out := _left_out(document, errors[0]["backtrace"]):
        sections["environment"] = {**sections.get("environment", {}), _LEFT_OUT: str(left_out)}
    return {**document, "errors": errors, **sections}


def _left_out(document: dict[str, Any], kept: list[Any]) -> int:
    """How many frames of the error are left out; not in the line itself, because servers group by it."""
    before = str(document.get("environment", {}).get(_LEFT_OUT, ""))
    known = int(before) if before.isdecimal() else 0
    return known + _frames(document["errors"][0]["backtrace"]) - _frames(kept)


def _frames(lines: list[Any]) -> int:
    return len(lines) - lines.count(_GAP)


def _lines(lines: list[Any], entries: int) -> list[Any]:
    if len(lines) <= max(entries, 2):
        return lines
    first, last = max(entries - entries // 2, 1), max(entries // 2, 1)
    return [*lines[:first], _GAP, *lines[len(lines) - last :]]


def _entries(value: Any, entries: int) -> Any:
    if isinstance(value, dict):
        kept = {key: _entries(item, entries) for key, item in tuple(value.items())[:entries]}
        left_out = len(value) - len(kept)
        return {**kept, "[cut]": f"{left_out} more"} if left_out else kept
    if isinstance(value, (list, tuple)):
        kept_items = [_entries(item, entries) for item in value[:entries]]
        left_out = len(value) - len(kept_items)
        return [*kept_items, f"[cut] {left_out} more"] if left_out else kept_items
    return value


def _cut(max_chars: int, text: str) -> str:
    return text if len(text) <= max_chars else text[: max_chars - len(CUT)] + CUT
