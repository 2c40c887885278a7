"""Patterns of secrets, which are masked in any text and under any name."""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

# Where a word begins: the `n` of an escaped line break is no letter of the word after it.
AFTER_ESCAPE = r"(?<=\\[abfnrtv])|(?<=\\x[0-9a-fA-F]{2})|(?<=\\u[0-9a-fA-F]{4})"
WORD_STARTS = rf"(?:\b|{AFTER_ESCAPE})"

_ALL_ZERO = bytes.maketrans(b"123456789", b"000000000")
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)  # the digits of twice the number, summed up
# The dash and the blank of a PEM file, also escaped for JavaScript, HTML and URLs.
_DASH = r"(?:-|\\{1,8}u002[dD]|\\{1,8}x2[dD]|%2[dD]|&#(?:45|x2[dD]);)"
_BLANK = r"(?: |\+|%20|\\{1,8}u0020)"
_PEM = rf"PRIVATE{_BLANK}KEY(?:{_BLANK}BLOCK)?"
# The apostrophe is allowed in a user's name and password, and ends a string in code.
_BEFORE_AT = r"(?:[^\s/:@?#\"']|'(?=\w))"
_AFTER_COLON = r"(?:[^\s\"'<>]|'(?![\s,;:)\]}>]))"


class Pattern(NamedTuple):
    """A pattern of secrets. If it has named groups, only what these match is masked.

    For speed, only a text with one of the `hints`, or with as many `digits` in a row, is searched.
    Blanks and dashes between the digits do not count.
    """

    name: str
    pattern: "re.Pattern[str]"
    accepts: Callable[[str], bool] = lambda _: True
    hints: tuple[str, ...] = ()
    digits: int = 0

    def secrets(self, text: str) -> Iterator[tuple[str, tuple[int, int]]]:
        """Each secret in `text`, and where it stands."""
        for found in self.pattern.finditer(text):
            spans = {found.span(group) for group in found.groupdict() or (0,)}
            for start, end in sorted(spans):
                if start < end and self.accepts(text[start:end]):
                    yield text[start:end], (start, end)


class Patterns:
    """The patterns of a site, and a fast check which of them a text may match. Immutable."""

    def __init__(self, wanted: tuple[Pattern, ...]) -> None:
        self.always = tuple(item for item in wanted if not (item.hints or item.digits))
        self._hinted = tuple((frozenset(item.hints), item) for item in wanted if item.hints)
        self._hints = tuple({hint for item in wanted for hint in item.hints})
        self._numbers = tuple(item for item in wanted if item.digits)
        self._digits = min((item.digits for item in self._numbers), default=1)
        self._run = b"0" * self._digits
        self._any_run = re.compile(rf"\d(?:[ -]*\d){{{self._digits - 1}}}")

    def worth_trying(self, text: str, hints: Iterable[str]) -> list[Pattern]:
        """The patterns that `text` may match, of those with one of the hints."""
        found = [*self.always]
        if hints := {hint for hint in hints if hint in text}:
            found += [item for own, item in self._hinted if own & hints]
        if self.has_run(text):
            found += self._numbers
        return found

    def hints_in(self, text: str) -> list[str]:
        """The hints that `text` holds."""
        return [hint for hint in self._hints if hint in text]

    def has_run(self, text: str) -> bool:
        """Whether `text` may hold as many digits in a row as a pattern needs."""
        if not self._numbers or len(text) < self._digits:
            return False
        if text.isascii():
            return self._run in text.encode().translate(_ALL_ZERO, b" -")
        return self._any_run.search(text) is not None


def is_card_number(text: str) -> bool:
    """Whether the digits pass Luhn's check (ISO/IEC 7812-1, annex B)."""
    digits = [int(character) for character in text if character.isdigit()]
    if not 13 <= len(digits) <= 19:
        return False
    return (sum(digits[-1::-2]) + sum([_DOUBLED[digit] for digit in digits[-2::-2]])) % 10 == 0


def _is_basic(text: str) -> bool:
    bare = text.rstrip("=")  # Python 3.13 refuses more than are due
    try:
        return b":" in base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False


BUILT_IN = (
    Pattern(
        "url_credentials",  # RFC 3986, section 3.2.1; a name alone may be a token
        re.compile(
            rf"://(?:{_BEFORE_AT}{{0,200}}:(?!\d{{1,5}}/)(?P<secret>{_AFTER_COLON}{{1,200}}?)"
            rf"|(?P<name>{_BEFORE_AT}{{1,200}}))"
            r"(?=@[\w.\-\[\]:%]{0,255}(?:[^\w.\-\[\]:%@]|$))"
        ),
        hints=("://",),
    ),
    Pattern(
        "private_key",
        # RFC 7468; cut short it goes on to the end.
        re.compile(
            rf"{_DASH}{{5}}BEGIN{_BLANK}(?:[A-Z0-9]{{1,20}}{_BLANK}){{0,4}}{_PEM}{_DASH}{{5}}"
            rf".*?(?:{_DASH}{{5}}END[A-Z0-9 +%\\u]{{1,80}}{_DASH}{{5}}|\Z)",
            re.DOTALL,
        ),
        hints=("PRIVATE",),
    ),
    Pattern(
        "jwt",  # RFC 7519: `eyJ` is `{"` in base64url
        re.compile(rf"(?:(?<![\w-])|{AFTER_ESCAPE})" r"eyJ[\w-]{6,}\.[\w-]{6,}(?:\.[\w-]*)*"),
        hints=("eyJ",),
    ),
    Pattern(
        "basic_auth",  # RFC 7617
        re.compile(WORD_STARTS + r"[Bb]asic\s{1,3}(?P<secret>[A-Za-z0-9+/]{6,}={0,2})"),
        _is_basic,
        hints=("asic",),
    ),
    Pattern(
        "bearer",  # RFC 6750
        re.compile(WORD_STARTS + r"[Bb]earer\s{1,3}(?P<secret>(?=[^\s]{0,200}\d)[\w.~+/-]{12,}={0,2})"),
        hints=("earer",),
    ),
    Pattern(
        "aws",
        re.compile(rf"(?:(?<![A-Z0-9])|{AFTER_ESCAPE})" r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])"),
        hints=("AKIA", "ASIA", "ABIA", "ACCA"),
    ),
    Pattern(
        "api_token",  # GitHub, GitLab, Slack, Stripe, Google, OpenAI and their like
        re.compile(
            WORD_STARTS + r"(?:gh[pousr]_\w{30,}|github_pat_\w{30,}|glpat-[\w-]{20,}|xox[abeoprs]-[\w-]{10,}"
            r"|[rs]k_(?:live|test)_\w{16,}|whsec_\w{16,}|AIza[\w-]{35}|sk-(?=[\w-]{0,200}\d)(?=[\w-]{0,200}[A-Z])[\w-]{20,}|SG\.[\w-]{16,}\.[\w-]{16,})"
        ),
        hints=tuple(
            "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- xox k_live_ k_test_ whsec_ AIza sk- SG.".split()
        ),
    ),
    Pattern(
        "api_token",  # Telegram, npm, PyPI, Hugging Face, Vault, Square, Linear
        re.compile(
            WORD_STARTS
            + r"(?:\d{8,10}:AA[\w-]{33}|npm_[A-Za-z0-9]{36}|pypi-AgE[\w-]{50,}|hf_[A-Za-z0-9]{30,}"
            r"|hv[bs]\.[\w-]{20,}|sq0[a-z]{3}-[\w-]{22,}|EAAA[\w-]{60}|lin_(?:api|oauth)_\w{32,})"
        ),
        hints=(":AA", "npm_", "pypi-AgE", "hf_", "hvb.", "hvs.", "sq0", "EAAA", "lin_"),
    ),
    Pattern(
        "card",
        # 14 to 19 digits from the ranges that cards are issued in; 13 are an EAN, the number of goods.
        # Another number may follow after a blank, as in 4111 1111 1111 1111 123: so each way to write a
        # card is tried by itself.
        re.compile(
            rf"(?:(?<![\d.])|{AFTER_ESCAPE})(?=[3-6]|2[2-7])"
            r"(?=\d{14}|\d{4}[ -]\d{4,6}[ -]|(?<!\d[ -])\d{1,8}[ -]\d)"
            r"(?=(?P<solid>\d{14,19})(?!\.?\d)|)"
            r"(?=(?<!\d[ -])(?=\d(?:[ -]?\d){13,18}(?![ -]?\.?\d))"
            r"(?P<grouped>\d{1,8}(?:[ -]\d{1,8})+)(?!\.?\d)|)"
            r"(?=(?P<fours>\d{4}(?:[ -]\d{4}){3})(?!\.?\d)|)"
            r"(?=(?P<rest>\d{4}(?:[ -]\d{4}){2,3}[ -]\d{1,3})(?!\.?\d)|)"
            r"(?=(?P<amex>\d{4}[ -]\d{6}[ -]\d{4,5})(?!\.?\d)|)"
        ),
        is_card_number,
        digits=14,
    ),
)


def names() -> tuple[str, ...]:
    """The names of the built-in patterns, each once."""
    return tuple(dict.fromkeys(pattern.name for pattern in BUILT_IN))


def chosen(wanted: "Mapping[str, bool | re.Pattern[str]]") -> Patterns:
    """The built-in patterns but those switched off with False, and the site's own patterns."""
    kept = [pattern for pattern in BUILT_IN if wanted.get(pattern.name, True) is True]
    own = [Pattern(name, item) for name, item in wanted.items() if isinstance(item, re.Pattern)]
    return Patterns((*kept, *own))
