"""What may be cut in an event that is too large for the server."""

from collections.abc import Callable
from typing import Any

from hoptoad.api.truncation import Layout, both_ends, entries_of, mapped

_OPEN = ("logentry", "request", "breadcrumbs", "contexts", "extra")
_STACKS = ("exception", "threads")
_GAP = {"filename": "[cut]", "abs_path": "[cut]", "function": "frames left out", "in_app": False}
_SOURCE = ("pre_context", "context_line", "post_context")

Change = Callable[[dict[str, Any]], dict[str, Any]]


def _changed(event: dict[str, Any], change: Callable[[str], str]) -> dict[str, Any]:
    def shorter(item: dict[str, Any]) -> dict[str, Any]:
        texts = {name: mapped(item[name], change) for name in ("value", "vars", *_SOURCE) if name in item}
        return {**item, **texts}

    sections = {name: mapped(event[name], change) for name in _OPEN if name in event}
    return {**_restacked(event, shorter, _each_frame(shorter)), **sections}


def _without_source(event: dict[str, Any]) -> dict[str, Any]:
    def without(frame: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in frame.items() if name not in _SOURCE}

    return _restacked(event, _same, _each_frame(without))


def _few(event: dict[str, Any], entries: int) -> dict[str, Any]:
    def fewer(frame: dict[str, Any]) -> dict[str, Any]:
        return {**frame, "vars": entries_of(frame["vars"], entries)} if "vars" in frame else frame

    def frames(stacktrace: dict[str, Any]) -> dict[str, Any]:
        kept = both_ends(stacktrace["frames"], entries, _GAP)
        return {**stacktrace, "frames": [fewer(frame) for frame in kept]}

    sections = {name: entries_of(event[name], entries) for name in ("extra",) if name in event}
    if "request" in event:  # its parts stay
        parts = event["request"].items()
        sections["request"] = {name: entries_of(part, entries) for name, part in parts}
    if "breadcrumbs" in event:  # a list of objects only: the last ones
        values = event["breadcrumbs"]["values"]
        sections["breadcrumbs"] = {"values": values[max(len(values) - entries, 0) :]}
    return {**_restacked(event, _same, frames), **sections}


def _same(item: dict[str, Any]) -> dict[str, Any]:
    return item


def _each_frame(change: Change) -> Change:
    """A change of stack traces, from one of frames."""
    return lambda stacktrace: {**stacktrace, "frames": [change(frame) for frame in stacktrace["frames"]]}


def _restacked(event: dict[str, Any], change: Change, frames: Change) -> dict[str, Any]:
    """The event with each exception or thread changed, and each stack trace by `frames`."""
    changed = dict(event)
    for name in _STACKS:
        if name in event:
            changed[name] = {"values": [_whole(change(item), frames) for item in event[name]["values"]]}
    return changed


def _whole(item: dict[str, Any], frames: Change) -> dict[str, Any]:
    return {**item, "stacktrace": frames(item["stacktrace"])} if "stacktrace" in item else item


SENTRY = Layout(_changed, _without_source, _few)
