"""A frame's source lines and variables as one text, for servers that show nested data in a single cell."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from hoptoad.api.characters import clean
from hoptoad.notice import Data, Frame, Value

_BREAK = "\n"
_written = json.JSONEncoder(ensure_ascii=False).encode
_SOURCE = re.compile(r"[> ] {0,5}(\d{1,9}) (.*)", re.DOTALL)
_PLAIN_NAME = re.compile(r"[^\s\"=:>]+")
_VARIABLE = re.compile(rf'("(?:[^"\\]|\\.)*"|{_PLAIN_NAME.pattern})( = |: )(.*)', re.DOTALL)


@dataclass(slots=True)
class FrameText:
    """The source lines and variables in a frame's text. The values of `variables` are JSON values."""

    source: list[tuple[int, str]] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)


def frame_text(frame: Frame) -> str:
    """The frame's place, its source lines, and its variables, which are lost first if the text is cut.

        [PROJECT_ROOT]/shop/views.py:7 in checkout
             6     total = sum(prices)
        >    7     return total / len(prices)
        total = 0
        prices: []

    A text follows an `=`; a list or an object follows a colon, as JSON.
    """
    return _BREAK.join([where(frame), *_source(frame), *_variables(frame.variables)])


def where(frame: Frame) -> str:
    """File, line and function: the first line of a frame's text."""
    return _one_line(f"{frame.file}:{frame.line} in {frame.function}")


def parse_frame_text(text: str) -> tuple[str, FrameText]:
    """The first line of a frame's text, and its source lines and variables. Other lines are skipped."""
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


def _source(frame: Frame) -> list[str]:
    return [
        f"{'>' if number == frame.line else ' '}{number:5} {_one_line(line) if _BREAK in line else line}"
        for number, line in frame.source
    ]


def _variables(variables: Data) -> list[str]:
    """A line for each variable. Most frames have plain names and printable texts: one look at all of them."""
    are_plain = "".join(variables).isidentifier() and "" not in variables
    names = variables if are_plain else map(_name, variables)
    are_lines = "".join([value for value in variables.values() if type(value) is str]).isprintable()
    return [
        f"{name} = {value}" if are_lines and type(value) is str else name + _shown(value)
        for name, value in zip(names, variables.values(), strict=True)
    ]


def _name(name: str) -> str:
    name = clean(name)
    return name if name.isprintable() and _PLAIN_NAME.fullmatch(name) else _written(name)


def _shown(value: Value) -> str:
    if isinstance(value, str):
        text = clean(value)
        return f" = {text}" if text.isprintable() else f": {_written(text)}"
    written = _written(value)
    is_clean = written.isprintable() and "\\u" not in written  # JSON escapes some of what XML forbids
    return f": {written if is_clean else _written(_plain(value))}"


def _one_line(text: str) -> str:
    return text.replace(_BREAK, "\\n")


def _read(text: str) -> Any:
    """The value of a JSON text, or the text itself if its end was cut."""
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
