"""Making a JSON document fit: the longest texts are cut first, and everything cut says so."""

import json
from collections.abc import Callable, Collection
from typing import Any

CUT = "… [cut]"
_SHORTEST = 32  # characters that a cut text keeps at least
_MAX_ENTRIES = 4096


def fitted(document: dict[str, Any], max_bytes: int, *, open_ended: Collection[str] = ()) -> bytes:
    """`document` as JSON in UTF-8, in at most `max_bytes` bytes where that is 4,000 or more.

    Texts are cut at one common length, the longest that lets the document fit, so that short ones
    stay whole. Where that is not enough, lists lose their middle, and the objects under the names in
    `open_ended` their last entries.
    """
    body = encoded(document)
    entries = _MAX_ENTRIES
    while len(body) > max_bytes and entries:
        body = _with_short_texts(document, max_bytes)
        entries //= 2
        document = {
            name: _with_few_entries(value, entries, are_free=name in open_ended)
            for name, value in document.items()
        }
    return body


def encoded(document: Any) -> bytes:
    """JSON without the numbers that it does not know. Raises ValueError for NaN and infinity."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _with_short_texts(document: Any, max_bytes: int) -> bytes:
    """The document with texts as long as may be; with the shortest ones where nothing fits."""
    shortest, longest = _SHORTEST, max_bytes
    best = encoded(_mapped(document, lambda text: _cut(text, _SHORTEST)))
    while longest - shortest > 16:
        middle = (shortest + longest) // 2
        body = encoded(_mapped(document, lambda text, room=middle: _cut(text, room)))  # type: ignore[misc]
        if len(body) <= max_bytes:
            shortest, best = middle, body
        else:
            longest = middle
    return best


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _mapped(item, change) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_mapped(item, change) for item in value]
    return value


def _with_few_entries(value: Any, entries: int, *, are_free: bool) -> Any:
    if isinstance(value, dict):
        items = tuple(value.items())
        kept = {
            key: _with_few_entries(item, entries, are_free=are_free)
            for key, item in (items[:entries] if are_free else items)
        }
        left_out = len(items) - len(kept)
        return {**kept, "[cut]": f"{left_out} more"} if left_out else kept
    if isinstance(value, (list, tuple)):
        items = tuple(_with_few_entries(item, entries, are_free=are_free) for item in value)
        return items if len(items) <= entries else _both_ends(items, entries)
    return value


def _both_ends(items: tuple[Any, ...], entries: int) -> tuple[Any, ...]:
    left_out = len(items) - entries
    if left_out > 0 and isinstance(items[0], dict) and "file" in items[0]:
        gap: Any = {"file": "[cut]", "line": 0, "function": f"{left_out} frames left out"}
    else:
        gap = f"[cut] {left_out} more"
    last = entries // 2
    gaps = () if isinstance(items[0], dict) and "backtrace" in items[0] else (gap,)
    return (*items[: max(entries - last, 1)], *gaps, *items[len(items) - last :])


def _cut(text: str, max_chars: int) -> str:
    return text if len(text) <= max_chars else text[: max_chars - len(CUT)] + CUT
