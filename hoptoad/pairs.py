"""`name=value` in free text: where the value that belongs to a name begins and ends."""

import re
from collections.abc import Callable, Iterator

# `name=`, `name: `, `"name": `, also escaped; and what may open its value: b'…', [, {, (.
_NAME = re.compile(
    r"(?<![\w.\-])([\w.\-\[\]%]{1,100})"
    r"((?:\\{0,8}[\"']|&quot;|&#3[49];)?\s{0,9}(?::=|={1,3}>?|:)\s{0,9})"
)
_QUOTE = re.compile(r"[bBuUrRfF]{0,2}(\\{0,8}(?:'''|\"\"\"|[\"'])|&quot;|&#3[49];)")
_BARE_END = re.compile(r"[\s&]")
_DATA_END = re.compile(r"[\s&,}\])]")  # after a quoted name: JSON, or a dictionary's repr
_LINE_NAMES = re.compile(r"authoriz|^(?:http_|set-)?cookie$", re.IGNORECASE)
_BRACKETS = {"[": "]", "{": "}", "(": ")"}
_BRACKET_OR_QUOTE = re.compile(r"\\.|[\"'\[\]{}()]", re.DOTALL)


def pairs(text: str, rule: Callable[[str], str]) -> Iterator[tuple[str, str, int, int]]:
    """Of each pair whose name has a `rule`: the name, the rule, and where its value begins and ends."""
    done = 0
    for found in _NAME.finditer(text):
        known = rule(found[1]) if found.start() >= done else ""
        if known and not _is_prose(text, found, rule):
            start, end = _value(text, found)
            if start < end:
                yield found[1], known, start, end
                done = end


def _is_prose(text: str, found: "re.Match[str]", rule: Callable[[str], str]) -> bool:
    """`Missing key: name` is no secret; `api key: …` is."""
    if found[1].lower() != "key" or found[2].strip() != ":":
        return False
    before = text[max(found.start() - 20, 0) : found.start()].split()
    return not before or not rule(f"{before[-1]}key")


def _value(text: str, found: "re.Match[str]") -> tuple[int, int]:
    """Without an end it goes to the last."""
    start = found.end()
    quoted = _QUOTE.match(text, start)
    if _LINE_NAMES.search(found[1]) and ":" in found[2] and not quoted:
        line_end = text.find("\n", start)
        return start, len(text) if line_end < 0 else line_end
    if quoted:
        return quoted.end(), _closing_quote(text, quoted.end(), quoted[1])
    if text[start : start + 1] in _BRACKETS:
        return start, _closing_bracket(text, start)
    named_in_quotes = found[2][:1] in "\\\"'&"
    end = (_DATA_END if named_in_quotes else _BARE_END).search(text, start)
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
