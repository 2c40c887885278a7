"""`name=value` in free text: where the value that belongs to a name begins and ends."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from hoptoad.lazily import compiled

# `name=`, `name: `, `"name": `, also escaped. The few separators are looked for, not the many words;
# what stands before one is read backwards.
_SEPARATOR = compiled(r"(:=|={1,3}>?|:)\s{0,9}")
_NAME_BACKWARDS = compiled(r"\s{0,9}((?:[\"']\\{0,8}|;touq&|;[49]3#&)?)([\w.\-\[\]%]{1,100})(?![\w.\-])")
# What may open a value: b'…', [, {, (.
_QUOTE = compiled(r"[bBuUrRfF]{0,2}(\\{0,8}(?:'''|\"\"\"|[\"'])|&quot;|&#3[49];)")
_BARE_END = compiled(r"[\s&]")
_DATA_END = compiled(r"[\s&,}\])]")  # after a quoted name: JSON, or a dictionary's repr
_LINE_NAMES = compiled(r"authoriz|^(?:http_|set-)?cookie$", re.IGNORECASE)
_BRACKETS = {"[": "]", "{": "}", "(": ")"}
_BRACKET_OR_QUOTE = compiled(r"\\.|[\"'\[\]{}()]", re.DOTALL)


class _Pair(NamedTuple):
    name: str
    start: int
    separator: str
    is_quoted: bool
    value: int  # where it begins


def pairs(text: str, rule: Callable[[str], str]) -> Iterator[tuple[str, str, int, int]]:
    """Of each pair whose name has a `rule`: the name, the rule, and where its value begins and ends."""
    done = 0
    backwards = text[::-1]
    for separator in _SEPARATOR.finditer(text):
        before = _NAME_BACKWARDS.match(backwards, len(text) - separator.start())
        if before is None:
            continue
        name, start = before[2][::-1], len(text) - before.end()
        known = rule(name) if start >= done else ""
        if not known:
            continue
        pair = _Pair(name, start, separator[1], bool(before[1]), separator.end())
        if not _is_prose(text, pair, rule):
            value, end = _value(text, pair)
            if value < end:
                yield name, known, value, end
                done = end


def _is_prose(text: str, pair: _Pair, rule: Callable[[str], str]) -> bool:
    """`Missing key: name` is no secret; `api key: …` is."""
    if pair.name.lower() != "key" or pair.separator != ":" or pair.is_quoted:
        return False
    before = text[max(pair.start - 20, 0) : pair.start].split()
    return not before or not rule(f"{before[-1]}key")


def _value(text: str, pair: _Pair) -> tuple[int, int]:
    """Without an end it goes to the last."""
    start = pair.value
    quoted = _QUOTE.match(text, start)
    if _LINE_NAMES.search(pair.name) and ":" in pair.separator and not quoted:
        line_end = text.find("\n", start)
        return start, len(text) if line_end < 0 else line_end
    if quoted:
        return quoted.end(), _closing_quote(text, quoted.end(), quoted[1])
    if text[start : start + 1] in _BRACKETS:
        return start, _closing_bracket(text, start)
    end = (_DATA_END if pair.is_quoted else _BARE_END).search(text, start)
    stop = end.start() if end else len(text)
    bracket = text.find("(", start, stop)  # SecretStr('…')
    return start, stop if bracket < 0 else max(stop, _closing_bracket(text, bracket))


def _closing_quote(text: str, start: int, quote: str) -> int:
    position = text.find(quote, start)
    while position > 0 and text[position - 1] == "\\":  # escaped, or escaped once more
        position = text.find(quote, position + 1)
    return len(text) if position < 0 else position


def _closing_bracket(text: str, start: int) -> int:
    """After the bracket that closes the one at `start`; those in quotes are no brackets."""
    waiting: list[str] = []
    quote = ""
    for found in _BRACKET_OR_QUOTE.finditer(text, start):
        mark = found[0]
        if mark[0] == "\\":
            continue
        if quote:
            quote = "" if mark == quote else quote
        elif mark in "\"'":
            quote = mark
        elif mark in _BRACKETS:
            waiting.append(_BRACKETS[mark])
        elif waiting and mark == waiting[-1]:
            waiting.pop()
            if not waiting:
                return found.end()
    return _matching_bracket(text, start)  # quotes that do not pair, as of prose or of a cut text


def _matching_bracket(text: str, start: int) -> int:
    depth = 0
    opening, closing = text[start], _BRACKETS[text[start]]
    for position in range(start, len(text)):
        if text[position] == opening:
            depth += 1
        elif text[position] == closing:
            depth -= 1
            if not depth:
                return position + 1
    return len(text)
