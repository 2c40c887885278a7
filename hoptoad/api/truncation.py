"""Makes a version 3 document fit into a number of bytes. The longest texts are cut first, and marked."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

CUT = "… [cut]"
_READABLE = 1000  # characters that a text keeps as long as something else can be left out
_SHORTEST = 32  # characters that a text keeps in any case
_MAX_ENTRIES = 2048
_OPEN = ("environment", "params", "session")
_GAP = {"file": "[cut]", "line": 0, "function": "frames left out"}
_LEFT_OUT = "FRAMES_LEFT_OUT"
_STEPS = 6  # to correct an estimate


class Layout(NamedTuple):
    """What may be cut in the documents of an API. Each function returns a document."""

    changed: Callable[[dict[str, Any], Callable[[str], str]], dict[str, Any]]  # each text of unlimited length
    without_source: Callable[[dict[str, Any]], dict[str, Any]]
    few: Callable[[dict[str, Any], int], dict[str, Any]]  # entries in each object, list and backtrace


def fitted(document: dict[str, Any], max_bytes: int, layout: Layout) -> bytes:
    """A document as JSON in UTF-8, in at most `max_bytes` bytes, which are 8,000 or more.

    First, messages and the texts of request, session and environment are cut, all to one length, so that
    short ones stay whole. If _READABLE characters of each are too many, backtraces lose their source lines.
    Then texts are cut further. Last, backtraces lose their middle, and objects and lists their last
    entries. The fields that servers group by stay as they are.
    """
    body = encoded(document)
    if len(body) <= max_bytes:
        return body
    if (shortened := _short(document, max_bytes, _READABLE, layout)) is not None:
        return shortened
    document = whole = layout.without_source(document)
    entries = _MAX_ENTRIES
    while entries:
        if (shortened := _short(document, max_bytes, _SHORTEST, layout)) is not None:
            return shortened
        entries //= 2
        document = layout.few(whole, entries)
    return encoded(document)


def encoded(document: Any) -> bytes:
    """Compact JSON in UTF-8. Raises ValueError for NaN and infinity, which JSON does not have."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _short(document: dict[str, Any], max_bytes: int, shortest: int, layout: Layout) -> bytes | None:
    """The document with its texts cut to the length that fits, or None if `shortest` does not fit."""
    sizes: list[tuple[int, int]] = []

    def measured(text: str) -> str:
        if len(text) > shortest:
            sizes.append((len(text), len(json.dumps(text, ensure_ascii=False).encode())))
        return text

    layout.changed(document, measured)
    room = max_bytes - len(encoded(document)) + sum(size for _, size in sizes)
    longest = _longest(sizes, room, shortest)
    for _ in range(_STEPS):
        body = encoded(layout.changed(document, partial(_cut, longest)))
        if len(body) <= max_bytes:
            return body
        if longest == shortest:
            return None
        longest = max(longest * max_bytes // len(body) - len(CUT), shortest)
    return None


def _longest(sizes: list[tuple[int, int]], room: int, shortest: int) -> int:
    """An estimate of the characters that each text may keep for all to fit into `room` bytes."""
    low, high = shortest, max((length for length, _ in sizes), default=shortest)
    while low < high:
        middle = (low + high + 1) // 2
        needed = sum(size * min(length, middle) // length + 4 for length, size in sizes)
        low, high = (middle, high) if needed <= room else (low, middle - 1)
    return low


def _changed(document: dict[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    """The document with each text of unlimited length changed."""
    errors = [{**error, "message": change(error["message"])} for error in document["errors"]]
    sections = {name: mapped(document[name], change) for name in _OPEN if name in document}
    return {**document, "errors": errors, **sections}


def _without_source(document: dict[str, Any]) -> dict[str, Any]:
    errors = [
        {**error, "backtrace": [_without_code(line) for line in error["backtrace"]]}
        for error in document["errors"]
    ]
    return {**document, "errors": errors}


def _without_code(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name != "code"}


def mapped(value: Any, change: Callable[[str], str]) -> Any:
    """A value of JSON with its texts changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: mapped(item, change) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [mapped(item, change) for item in value]
    return value


def _few(document: dict[str, Any], entries: int) -> dict[str, Any]:
    """The document with at most `entries` in each backtrace and in each object of unlimited size."""
    errors = [
        {**error, "backtrace": both_ends(error["backtrace"], entries, _GAP)} for error in document["errors"]
    ]
    sections = {name: entries_of(document[name], entries) for name in _OPEN if name in document}
    if left_out := _left_out(document, errors[0]["backtrace"]):
        sections["environment"] = {**sections.get("environment", {}), _LEFT_OUT: str(left_out)}
    return {**document, "errors": errors, **sections}


def _left_out(document: dict[str, Any], kept: list[Any]) -> int:
    """The number of frames left out of the error. The gap does not say it, because servers group by lines."""
    before = str(document.get("environment", {}).get(_LEFT_OUT, ""))
    known = int(before) if before.isdecimal() else 0
    return known + _frames(document["errors"][0]["backtrace"]) - _frames(kept)


def _frames(lines: list[Any]) -> int:
    return len(lines) - lines.count(_GAP)


def both_ends(lines: list[Any], entries: int, gap: Any) -> list[Any]:
    """At most `entries` of the lines, the first and the last, with `gap` for those between."""
    if len(lines) <= max(entries, 2):
        return lines
    first, last = max(entries - entries // 2, 1), max(entries // 2, 1)
    return [*lines[:first], gap, *lines[len(lines) - last :]]


def entries_of(value: Any, entries: int) -> Any:
    """A value of JSON with at most `entries` in each of its objects and lists."""
    if isinstance(value, dict):
        kept = {key: entries_of(item, entries) for key, item in tuple(value.items())[:entries]}
        left_out = len(value) - len(kept)
        return {**kept, "[cut]": f"{left_out} more"} if left_out else kept
    if isinstance(value, (list, tuple)):
        kept_items = [entries_of(item, entries) for item in value[:entries]]
        left_out = len(value) - len(kept_items)
        return [*kept_items, f"[cut] {left_out} more"] if left_out else kept_items
    return value


def _cut(max_chars: int, text: str) -> str:
    return text if len(text) <= max_chars else text[: max_chars - len(CUT)] + CUT


V3 = Layout(_changed, _without_source, _few)
