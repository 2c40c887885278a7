"""The exceptions, frames and messages of a notice, as Sentry's events have them."""

import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from hoptoad.api.characters import clean
from hoptoad.notice import Data, ErrorInfo, Frame, Notice, Value

MAX_NAME = 200
MAX_TEXT = 8192
_MAX_FILE = 1024
_MAX_CAUSES = 10
_OWN_FILES = "[PROJECT_ROOT]/"
_UNKNOWN = "unknown"
_ROOT = re.compile(r"\[[A-Z_]+\]/")
_MEMBERS = re.compile(r" \(\d+ sub-exceptions?\)\Z")
_SOURCES = {"cause": "__cause__", "context": "__context__"}


def failure(notice: Notice) -> dict[str, Any]:
    """`exception`, the oldest first; for a message `logentry`, and `threads` with the place of the call."""
    if notice.error.is_message:
        return _message(notice)
    causes = notice.causes[:_MAX_CAUSES]
    groups = {cause.parent for cause in causes if cause.relation == "member"}
    values = [
        _exception(number, error, is_group=number in groups)
        for number, error in enumerate((notice.error, *causes))
    ]
    values[0]["mechanism"]["type"] = "django" if "REQUEST_METHOD" in notice.request.cgi_data else "generic"
    members: Counter[int] = Counter()  # of each group so far
    for number, cause in enumerate(causes, 1):
        parent = min(cause.parent, number - 1)
        source = _SOURCES.get(cause.relation) or f"exceptions[{members[parent]}]"
        members[parent] += cause.relation not in _SOURCES
        values[number]["mechanism"].update(type="chained", parent_id=parent, source=source)
    return {"exception": {"values": values[::-1]}}


def _exception(number: int, error: ErrorInfo, *, is_group: bool) -> dict[str, Any]:
    kind, module = kind_of(error)
    mechanism: dict[str, Any] = {"type": "generic", "exception_id": number}
    if is_group:
        mechanism["is_exception_group"] = True
    if error.frames_left_out:
        mechanism["data"] = {"frames_left_out": str(error.frames_left_out)}
    fields = {
        "type": kind,
        "module": module,
        "value": _value(error, is_group=is_group),
        "mechanism": mechanism,
        "stacktrace": _stacktrace(error.frames),
    }
    return {name: value for name, value in fields.items() if value != {} and (value or name == "value")}


def kind_of(error: ErrorInfo) -> tuple[str, str]:
    """The class as its module knows it, and the module.

    `shop.views.Checkout.Odd` is `Checkout.Odd` of `shop.views`; where that is not known, it is `Odd`.
    """
    name, module = clean(error.class_name), clean(error.module)
    if module and name.startswith(f"{module}."):
        return name[len(module) + 1 :][:MAX_NAME], module[:MAX_NAME]
    before, _, last = name.rpartition(".")
    return last[:MAX_NAME] or "Exception", (module or before.replace(".<locals>", ""))[:MAX_NAME]


def _value(error: ErrorInfo, *, is_group: bool) -> str:
    """The exception's own text and its notes: other clients send it without the name of the class."""
    short = error.class_name.rpartition(".")[2].strip() or "Exception"
    text = "" if error.message == short else error.message.removeprefix(f"{short}: ")
    if is_group:
        text = _MEMBERS.sub("", text)
    return clean("\n".join(filter(None, (text, *error.notes))))[:MAX_TEXT]


def _message(notice: Notice) -> dict[str, Any]:
    template = clean(notice.error.message)[:MAX_TEXT]
    log = notice.extra.get("log")
    text = log.get("text", "") if isinstance(log, Mapping) else ""
    formatted = clean(text)[:MAX_TEXT] if isinstance(text, str) else ""
    fields: dict[str, Any] = {"logentry": {"message": template, "formatted": formatted or template}}
    if stacktrace := _stacktrace(notice.error.frames):
        thread = {"id": "0", "crashed": True, "current": True, "stacktrace": stacktrace}
        fields["threads"] = {"values": [thread]}
    return fields


def _stacktrace(frames: tuple[Frame, ...]) -> dict[str, Any]:
    known = [_frame(frame) for frame in reversed(frames) if frame.file != _UNKNOWN]
    return {"frames": known} if known else {}


def _frame(frame: Frame) -> dict[str, Any]:
    fields = _line(frame.file, frame.line, frame.function)
    if frame.variables:
        fields = {**fields, "vars": plain(frame.variables)}
    return {**fields, **_source(frame)} if frame.source else fields


@lru_cache(maxsize=4096)  # the same lines fail again
def _line(file: str, number: int, function: str) -> dict[str, Any]:
    file = clean(file)[:_MAX_FILE]
    fields = {
        "filename": _ROOT.sub("", file, count=1) or file,
        "abs_path": file,
        "function": clean(function)[:MAX_NAME],
        "in_app": file.startswith(_OWN_FILES),
    }
    return {**fields, "lineno": number} if number > 0 else fields


def _source(frame: Frame) -> dict[str, Any]:
    lines = [(number, clean(line)) for number, line in frame.source]
    at = [line for number, line in lines if number == frame.line]
    if not at:
        return {}
    return {
        "pre_context": [line for number, line in lines if number < frame.line],
        "context_line": at[0],
        "post_context": [line for number, line in lines if number > frame.line],
    }


def plain(value: Value) -> Any:
    """Nested text as JSON has it, every character one that a document may hold."""
    if isinstance(value, str):
        return clean(value)
    return [plain(item) for item in value] if isinstance(value, tuple) else _object(value)


def _object(data: Data) -> dict[str, Any]:
    return {clean(name): plain(item) for name, item in data.items()}
