"""Causes in a document of version 2, which has no field for them: our notifier writes them as texts."""

import re
from collections.abc import Iterator

from hoptoad.api.cgi_data import FRAME, cause_key
from hoptoad.api.parsers import detailed
from hoptoad.errors import ParseError
from hoptoad.notice import ErrorInfo, Frame, Notice

_ENDS = (" (cause)", " (context)", " (member)")
_CLASS = re.compile(r"([A-Za-z_][\w.]{0,200})(?:: |$)")


def written_causes(notice: Notice) -> Iterator[ErrorInfo]:
    """The causes that cgi-data holds, the nearest first."""
    data, number = notice.request.cgi_data, len(notice.causes) + 1
    while isinstance(text := data.get(cause_key(number)), str):
        cause = parse(text)
        try:
            frames = detailed(cause.frames, data, f"{cause_key(number)}_{FRAME}")
        except ParseError:  # its details are more than a page shows
            frames = cause.frames
        yield ErrorInfo(cause.class_name, cause.message, frames, notes=cause.notes, relation=cause.relation)
        number += 1


def parse(text: str) -> ErrorInfo:
    """A cause from its text.

    >>> parse("KeyError: 'toad' at shop/pond.py:7 in look (cause)\\nshop/views.py:9 in show").frames[1]
    Frame(file='shop/views.py', line=9, function='show', variables={}, source=(), column=0)
    """
    lines = text.split("\n")
    end = next((index for index, line in enumerate(lines) if line.endswith(_ENDS)), None)
    if end is None:
        return ErrorInfo("", text)
    last, _, relation = lines[end].rpartition(" (")
    before, _, place = last.rpartition(" at ")
    innermost = _frame(place)
    message = "\n".join([*lines[:end], before if innermost else last])
    rest = [(line, _frame(line)) for line in lines[end + 1 :]]
    found = _CLASS.match(message)
    return ErrorInfo(
        found[1] if found else "",
        message[found.end() :] if found else message,
        tuple(frame for frame in (innermost, *(frame for _, frame in rest)) if frame),
        notes=tuple(line for line, frame in rest if frame is None),
        relation=relation.removesuffix(")"),
    )


def _frame(text: str) -> Frame | None:
    """The frame in "shop/pond.py:7 in look"; None where the text is another."""
    place, _, function = text.rpartition(" in ")
    file, _, number = place.rpartition(":")
    is_frame = file and number.isascii() and number.isdigit() and len(number) < 10
    return Frame(file, int(number), function) if is_frame else None
