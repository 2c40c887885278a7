"""What one notice hides: each secret value, by which rule, and wherever else it turns up."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import cached_property  # functools' has a lock that a fork may copy

from hoptoad_before.disguises import (
    Span,
    basic_password,
    credentials,
    decoded,
    disguised,
    in_decoded,
    occurrences,
    parts,
)
from hoptoad_before.shortened import Shortened, may_be_shortened
from hoptoad_before.text import WORD_STARTS

MASK = "*" * 20
# Shorter values ("on", "1234") are masked where they stand, and nowhere else: they would blank the page.
MIN_LENGTH = 5
MIN_DIGITS = 9  # a shorter number is an order, a year, a port
MAX_VALUES = 200  # and so many characters of them: each form of each is looked for in all of the notice
MAX_CHARS = 32_000
MAX_SECRET = 8_000  # of one value, so that a long one leaves room for others

REAPPEARS = "holds a value that is masked elsewhere"

_ENDS = ".,;:!?)]}'\""  # of a sentence
_ORDINARY = frozenset({"false", "undefined"})


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was masked, for `hoptoad_preview`."""

    section: str
    field: str  # in which it stood
    name: str  # by which it was known; often the field's own
    rule: str


class Known:
    """Secret values in every form they may take. Immutable once built: threads may share it."""

    def __init__(self, values: Iterable[str]) -> None:
        self.values = frozenset(value for value in values if len(value) >= MIN_LENGTH)

    @cached_property
    def disguised(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return tuple((core, tuple(forms)) for value in self.values for core, forms in disguised(value))

    @cached_property
    def shortened(self) -> Shortened:
        return Shortened(self.values)


class Masked:
    """Collects what is masked while one notice is built, and masks it where it reappears.

    Words and short values are looked for as whole words, and not at all where they were found in
    text or in a query (`strict`): "invalid token: expired" must not blank that word everywhere.
    """

    def __init__(self, known: Known | None = None) -> None:
        self.section = ""
        self.field = ""
        self.strict = False
        self.rows: list[Row] = []
        self._known = known or Known(())
        self._values: dict[str, None] = {}
        self._chars = 0

    def add(self, value: str, name: str, rule: str, *, strict: bool = False) -> None:
        """Remembers a value that was masked, and under which name by which rule."""
        self.rows.append(Row(self.section, self.field, name, rule))
        self.remember(value, name, strict=strict)

    def remember(self, value: str, name: str = "", *, strict: bool = False) -> None:
        """Remembers a value, and what it stands for.

        Under the `name` of an Authorization header, what follows the scheme is a secret too.
        """
        if MASK in value or len(self._values) >= MAX_VALUES or self._chars >= MAX_CHARS:
            return
        value = value[:MAX_SECRET]
        strict = strict or self.strict
        for part in parts(value):
            self._remember(part, strict=strict)
        if "auth" in name.lower():
            for part in credentials(value):
                self._remember(part, strict=True)
            self._remember(basic_password(value), strict=False)  # a person's, and may be a word

    def _remember(self, part: str, *, strict: bool) -> None:
        part = part[:MAX_SECRET]
        if _is_worth_it(part.rstrip(_ENDS), strict=strict) and part not in self._values:
            self._values[part] = None
            self._chars += len(part)

    @property
    def values(self) -> tuple[str, ...]:
        """What is remembered so far."""
        return tuple(self._values)

    def reappearing(self, texts: Iterable[str]) -> "Finder | None":
        """What finds those values that some of `texts` hold; None where none does."""
        page = "\0".join(texts)
        said = decoded(page)
        whole = f"{page}\0{said}" if said else page
        found = [form for core, forms in self._known.disguised if core in whole for form in forms]
        words = []
        for value in self._values:
            is_word = value.isalnum() and not is_telling(value)
            if is_word:
                words.append(value)
            for core, forms in disguised(value):  # escaped or in Base64, it is no word
                if core in whole:
                    found += (form for form in forms if not is_word or form != value)
        anywhere = [form for form in found if form in page]
        quoted = [form for form in (*found, *words) if form in said] if said else []
        words = [word for word in words if word in page]
        shortened: list[Shortened] = []
        if may_be_shortened(page):
            shortened = [
                item for item in (self._known.shortened, Shortened(self._values)) if item.spans(page)
            ]
        if anywhere or words or quoted or shortened:
            return Finder(anywhere, words, quoted, shortened)
        return None


class Finder:
    """Finds forms of secret values in text, whole words, percent-encoded and shortened ones."""

    def __init__(
        self, anywhere: list[str], words: list[str], quoted: list[str], shortened: list[Shortened]
    ) -> None:
        self._shortened = shortened
        self._forms = tuple(dict.fromkeys(anywhere))
        self._words = _whole(words) if words else None
        self._quoted = tuple(dict.fromkeys(quoted))

    def spans(self, text: str) -> list[Span]:
        """Where they stand; these may overlap."""
        spans: list[Span] = []
        for form in self._forms:
            if form in text:
                spans += occurrences(form, text)
        if self._words is not None:
            spans += [found.span() for found in self._words.finditer(text)]
        if self._quoted and "%" in text:
            spans += in_decoded(text, self._quoted)
        for shortened in self._shortened:
            spans += shortened.spans(text)
        return spans


def _whole(words: Iterable[str]) -> "re.Pattern[str]":
    return re.compile(rf"{WORD_STARTS}(?:{'|'.join(map(re.escape, words))})\b")


def is_telling(value: str) -> bool:
    """Whether the value is hardly anything but a secret: long, or of letters and something else."""
    if value.isdigit():
        return False
    return len(value) >= 16 or (
        len(value) >= 8 and not value.isalpha() and not value.replace(".", "").isdigit()
    )


def _is_worth_it(value: str, *, strict: bool) -> bool:
    if len(value) < MIN_LENGTH or value == MASK:
        return False
    if value.isdigit():
        return len(value) >= MIN_DIGITS
    return is_telling(value) or not (strict or value.lower() in _ORDINARY)
