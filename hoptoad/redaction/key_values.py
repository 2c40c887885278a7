"""`name=value` in free text: finds where the value of a name begins and ends."""

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

# Keys under which a name is itself a value: {"key": "api_key", "value": "…"}
SAY_A_NAME = tuple("key name field header param parameter variable property attribute option".split())
SAY_A_VALUE = ("value", "values")

# `name=`, `name: `, `"name": `, also escaped. The few separators are looked for, not the many words;
# what stands before one is read backwards.
_SEPARATOR = re.compile(r"(:=|={1,3}>?|:)\s{0,9}")
_NAME_BEFORE = re.compile(
    r"[=:]\s{0,9}(\??)((?:[\"']\\{0,8}|;touq&|;[49]3#&)?)([\w.\-\[\]%]{1,100})(?![\w.\-])"
)
# What may open a value: b'…', [, {, (.
_ONE_QUOTE = r"(?:\\{0,8}[\"']|&quot;|&#3[49];)"
_QUOTE = re.compile(rf"[bBuUrRfF]{{0,2}}(({_ONE_QUOTE})(?:\2\2)?)")
# `password: String = `: in GraphQL, Python and TypeScript a type stands between a name and its default.
_TYPE = re.compile(r"[\w.\[\]!?]{1,100}(?:\s{0,9}\|\s{0,9}[\w.\[\]]{1,60}){0,4}\s{0,9}=(?![=>])\s{0,9}")
# `"key": "api_key", ` and `name="password" `: the name is itself a value, beside the value it names.
_NAMED = re.compile(
    rf"(?<![\w.\-])(?:{'|'.join(SAY_A_NAME)}){_ONE_QUOTE}?\s{{0,9}}(?:=>?|:)\s{{0,9}}[bu]?"
    rf"({_ONE_QUOTE})([\w.\-\[\] ]{{1,100}})\1",
    re.IGNORECASE,
)
_ITS_VALUE = re.compile(
    rf"(?<![\w.\-])(?:{'|'.join(SAY_A_VALUE)})({_ONE_QUOTE}?)\s{{0,9}}(=>?|:)\s{{0,9}}", re.IGNORECASE
)
# Two fast looks for what may be `_ITS_VALUE`: a fixed beginning is searched for much faster.
_VALUES = tuple(re.compile(rf"{end}{_ONE_QUOTE}?\s{{0,9}}[=:]") for end in ("alue[sS]?", "ALUE[sS]?"))
_ENTRY_BEGINS = re.compile(r"[{}<>()]")
_MAX_ENTRY = 1_000  # characters around the name
_BARE_END = re.compile(r"[\s&]")
_DATA_END = re.compile(r"[\s&,}\])]")  # after a quoted name: JSON, or a dictionary's repr
_ESCAPE_BEFORE = re.compile(r"[abfnrtv]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}")
_LINE_NAMES = re.compile(r"authoriz|^(?:http_|set-)?cookie$", re.IGNORECASE)
_BRACKETS = {"[": "]", "{": "}", "(": ")"}
# What a secret goes on with after a bracket or a quote that only looked like its end: (aB)3xY7
_GOES_ON = re.compile(r"[\w!@#$*^~?-]")
_AFTER_A_VALUE = re.compile(r"[\s,;:.&'\"\\)\]}>]|\Z")
_MAX_BACKSLASHES = 128
_PATIENCE = 2_000  # brackets and quotes
_BRACKET_OR_QUOTE = re.compile(r"\\.|[\"'\[\]{}()]", re.DOTALL)


class _Pair(NamedTuple):
    name: str
    start: int
    separator: str
    is_quoted: bool
    value: int  # where it begins


def names_before_values(text: str) -> list[tuple[str, str]]:
    """Whatever stands before a separator and may be a name, and what it may mean: `pin` in `\\npin=1`."""
    names = {name[::-1] for _, _, name in _NAME_BEFORE.findall(text[::-1])}
    meant = [(name, name) for name in names]
    if "\\" in text:
        meant += [(name, name[end.end() :]) for name in names if (end := _ESCAPE_BEFORE.match(name))]
    return meant


def says_a_name(text: str) -> bool:
    """Whether a name may itself be a value in the text: {"key": "api_key", "value": …}."""
    return has_values(text) and _NAMED.search(text) is not None


def has_values(text: str) -> bool:
    """Whether the text may hold the value of such a name."""
    return bool(_VALUES[0].search(text) or _VALUES[1].search(text))


def pairs(
    text: str, rule: Callable[[str], str], names: Collection[str]
) -> Iterator[tuple[str, str, int, int]]:
    """Of each pair whose name has a `rule`: the name, the rule, and where its value begins and ends.

    Only these names are looked for, as `names_before_values` has them.
    """
    done = 0
    brackets = _Brackets(text)
    backwards = {name[::-1] for name in names}
    found = [one for one in _NAME_BEFORE.finditer(text[::-1]) if one[3] in backwards]
    for before in reversed(found):
        separator = _SEPARATOR.match(text, len(text) - before.start() - 1)
        if separator is None:
            continue
        name, start, after = before[3][::-1], len(text) - before.end(), separator.end()
        if text[start - 1 : start] == "\\" and (escape := _ESCAPE_BEFORE.match(name)):
            name = name[escape.end() :] if rule(name[escape.end() :]) else name
        known = rule(name)
        if not known:
            continue
        is_optional, is_quoted = bool(before[1]), bool(before[2])
        if separator[1] == ":" and not is_quoted and (typed := _TYPE.match(text, after)):
            value, end = _value(text, _Pair(name, start, "=", False, typed.end()), brackets)
            if value < end:
                yield name, known, value, end
        pair = _Pair(name, start, separator[1], is_quoted, after)
        if start >= done and not is_optional and not _is_prose(text, pair, rule):
            value, end = _value(text, pair, brackets)
            if value < end:
                yield name, known, value, end
                done = end


def values_beside_names(text: str, rule: Callable[[str], str]) -> Iterator[tuple[str, str, int, int]]:
    """The same for names that are values themselves: {"key": "api_key", "value": …}."""
    brackets = _Brackets(text)
    values = [*_ITS_VALUE.finditer(text)] if has_values(text) else []
    starts = [value.start() for value in values]
    for named in _NAMED.finditer(text) if values else ():
        known = rule(named[2])
        found = _value_beside(text, named, values, starts) if known else None
        if found is not None:
            pair = _Pair(named[2], found.start(), found[2], bool(found[1]), found.end())
            value, end = _value(text, pair, brackets)
            if value < end:
                yield named[2], known, value, end


def _value_beside(
    text: str, named: "re.Match[str]", values: "list[re.Match[str]]", starts: list[int]
) -> "re.Match[str] | None":
    """The value beside a name that is itself a value: after it, or before it in the same braces."""
    start, end = named.span()
    after = bisect_left(starts, end)
    is_near = after < len(values) and starts[after] < end + _MAX_ENTRY
    if is_near and not _ENTRY_BEGINS.search(text, end, starts[after]):
        return values[after]
    first = max(start - _MAX_ENTRY, 0)
    first = max(first, *(text.rfind(bracket, first, start) for bracket in "{<("))
    before = bisect_left(starts, first)
    return values[before] if before < len(values) and starts[before] < start else None


def _is_prose(text: str, pair: _Pair, rule: Callable[[str], str]) -> bool:
    """`Missing key: name` is no secret; `api key: …` is."""
    if pair.name.lower() != "key" or pair.separator != ":" or pair.is_quoted:
        return False
    before = text[max(pair.start - 20, 0) : pair.start].split()
    return not before or not rule(f"{before[-1]}key")


def _value(text: str, pair: _Pair, brackets: "_Brackets") -> tuple[int, int]:
    """Without an end it goes to the last."""
    start = pair.value
    quoted = _QUOTE.match(text, start)
    if _LINE_NAMES.search(pair.name) and ":" in pair.separator and not quoted:
        line_end = text.find("\n", start)
        return start, len(text) if line_end < 0 else line_end
    if quoted:
        end = _closing_quote(text, quoted.end(), quoted[1])
        if further := _goes_on(text, pair, end + len(quoted[1])):
            return start, further
        return quoted.end(), end
    if text[start : start + 1] in _BRACKETS:
        end = brackets.closing(start)
        return start, _goes_on(text, pair, end) or end
    found = (_DATA_END if pair.is_quoted else _BARE_END).search(text, start)
    stop = found.start() if found else len(text)
    bracket = text.find("(", start, stop)  # SecretStr('…')
    return start, stop if bracket < 0 else max(stop, brackets.closing(bracket))


def _goes_on(text: str, pair: _Pair, position: int) -> int:
    """The end of a value that only seems to have ended before `position`; 0 where it has ended."""
    if pair.is_quoted or not _GOES_ON.match(text, position):
        return 0
    end = _BARE_END.search(text, position)
    return end.start() if end else len(text)


def _closing_quote(text: str, start: int, quote: str) -> int:
    r"""Where a value ends: at a quote that is escaped as often as the one that opened it.

    Within `'` two backslashes stand for one of the value: `'a\\'` ends, `'a\'` does not. Within `\"` four do.
    """
    mark = quote.lstrip("\\")
    depth = len(quote) - len(mark)
    own = 2 << depth.bit_length()
    position = text.find(mark, start)
    while position >= 0:
        before = text[max(start, position - _MAX_BACKSLASHES) : position]
        escapes = len(before) - len(before.rstrip("\\")) - depth
        # In the repr of JSON two backslashes escape a quote: then the value goes on behind it.
        goes_on = escapes and not _AFTER_A_VALUE.match(text, position + len(mark))
        if escapes >= 0 and escapes % own == 0 and not goes_on:
            return position - depth
        position = text.find(mark, position + 1)
    return len(text)


class _Brackets:
    """Finds the brackets that close others in a text. Looking for what is not there ends some time:
    each of many would look through all that follows.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._patience = _PATIENCE

    def closing(self, start: int) -> int:
        """After the bracket that closes the one at `start`; those in quotes are no brackets."""
        waiting: list[str] = []
        quote = ""
        looked_at = 0
        for found in _BRACKET_OR_QUOTE.finditer(self._text, start) if self._patience > 0 else ():
            mark = found[0]
            looked_at += 1
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
        self._patience -= looked_at
        return _matching_bracket(self._text, start)  # quotes that do not pair, as of prose or of a cut text


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
