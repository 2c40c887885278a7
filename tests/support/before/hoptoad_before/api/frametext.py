"""A frame's source lines and variables as one text, for servers that show nested data in a single cell."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hoptoad_before.notice import Frame, Value
from hoptoad_before.text import clean

_SOURCE = re.compile(r"[> ] {0,5}(\d{1,9}) (.*)", re.DOTALL)
_PLAIN_NAME = re.compile(r"[^\s\"=:>]+")
_VARIABLE = re.compile(rf'("(?:[^"\\]|\\.)*"|{_PLAIN_NAME.pattern})( = |: )(.*)', re.DOTALL)


@dataclass(slots=True)
class FrameText:
    """What a frame's text says. Values of `variables` are texts, lists and objects of JSON."""

    source: list[tuple[int, str]] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)


def frame_text(frame: Frame) -> str:
    """Where the frame is, its source lines, and its variables; a text that is cut loses those first.

        [PROJECT_ROOT]/shop/views.py:7 in checkout
             6     total = sum(prices)
        >    7     return total / len(prices)
        total = 0
        prices: []

    Texts stand after `=`, lists and objects as JSON after a colon.
    """
    return "\n".join(_lines(frame))


def where(frame: Frame) -> str:
    """File, line and function: the first line of a frame's text."""
    return _one_line(f"{frame.file}:{frame.line} in {frame.function}")


def parse_frame_text(text: str) -> tuple[str, FrameText]:
    """Where the frame is, and what its text says of it. Lines that say nothing are left out."""
    first, *lines = text.split("\n")
    found = FrameText()
    for line in lines:
        if source := _SOURCE.fullmatch(line):
            found.source.append((int(source[1]), source[2]))
        elif variable := _VARIABLE.fullmatch(line):
            name, separator, value = variable.groups()
            found.variables[_read(name) if name[0] == '"' else name] = (
                value if separator == " = " else _read(value)
            )
    return first, found


def _lines(frame: Frame) -> Iterator[str]:
    yield where(frame)
    for number, line in frame.source:
        yield f"{'>' if number == frame.line else ' '}{number:5} {_one_line(line)}"
    for name, value in frame.variables.items():
        yield _name(clean(name)) + _shown(_plain(value))


def _name(name: str) -> str:
    return name if name.isprintable() and _PLAIN_NAME.fullmatch(name) else _written(name)


def _shown(value: Any) -> str:
    is_line = isinstance(value, str) and value.isprintable()
    return f" = {value}" if is_line else f": {_written(value)}"


def _one_line(text: str) -> str:
    return text.replace("\n", "\\n")


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _read(text: str) -> Any:
    """The value of a JSON text, or the text itself where it is none: its end was cut."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _plain(value: Value) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return {clean(name): _plain(item) for name, item in value.items()}
