"""The secret values of one notice, and the search for them in its texts, in every encoding."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from hoptoad.notice import Owner, Secret
from hoptoad.redaction.cutting import MASK
from hoptoad.redaction.encodings import (
    Span,
    decodings,
    encoded_forms,
    occurrences,
    spans_in_encoded,
    written,
)
from hoptoad.redaction.page import Page
from hoptoad.redaction.parts import basic_password, credentials, parts
from hoptoad.redaction.patterns import WORD_STARTS

# Shorter values ("on", "1234") are masked only in their own place: elsewhere they are ordinary words.
MIN_LENGTH = 5
MIN_DIGITS = 9  # shorter numbers are orders, years, ports
MAX_VALUES = 1_000  # of each owner, and so many characters
MAX_CHARS = 64_000
MAX_SECRET = 8_000  # of one value, so that a long one leaves room for others

_ENDS = ".,;:!?)]}'\""  # of a sentence
_ORDINARY = frozenset({"false", "undefined"})
_IP_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|(?=[^:]*:[^:]*:)[0-9A-Fa-f:.]{3,45}")

# As pydantic, reprlib, PostgreSQL, textwrap and SQLAlchemy shorten, and rich: 'correct-hor'+20
_ELLIPSIS = re.compile(
    r"\s?[\[(<]?(?:\.{3,}|…|\\u2026|&hellip;|&#8230;)"
    r"(?:\s?\(\d{1,9} characters truncated\)\s?\.{3})?[\])>]?\s?"
    r"|[\"']\+\d{1,9}"
)
_HINTS = ("...", "…", "\\u2026", "&hellip;", "&#8230;", "'+", '"+')
_MIN_SHOWN = 5  # characters; fewer may be any word
_ESCAPED_LAST = re.compile(r"(?:\\u([\da-fA-F]{4})|(?:\\x|%)([\da-fA-F]{2}))$")
_SURE = 16  # a text with so many characters of a secret quotes it
_WINDOW = 256  # characters beside an ellipsis; longer secrets are searched in pieces of this length
_MAX_FORMS = 64_000  # characters


class OwnSecrets:
    """The site's own secrets in every form they may take. Immutable once built: threads may share it."""

    def __init__(self, values: Iterable[str]) -> None:
        self.values = frozenset(value for value in values if len(value) >= MIN_LENGTH)
        self.forms = tuple(
            (core, tuple(forms)) for value in self.values for core, forms in encoded_forms(value)
        )
        self._shortened: Shortened | None = None

    @property
    def shortened(self) -> "Shortened":
        """The search for their shortened forms; made when a text needs it."""
        if self._shortened is None:
            self._shortened = Shortened(self.values)
        return self._shortened


class Values:
    """The values to search for, each with its Secret. Each owner has its own limit.

    Words and short values are looked for as whole words, and not at all where they were found in
    text or in a query: "invalid token: expired" must not blank that word everywhere.
    """

    def __init__(self) -> None:
        self.secrets: dict[str, Secret] = {}
        self.is_full = False  # some values are not searched for, so any text may hold them
        self._added: set[Secret] = set()
        self._count = [0, 0, 0]  # by owner
        self._chars = [0, 0, 0]

    def add(self, secret: Secret) -> None:
        """Adds a value, and what it stands for.

        Under the name of an Authorization header, what follows the scheme is a secret too.
        """
        value = secret.value[:MAX_SECRET]
        if secret in self._added or MASK in value:
            return
        self._added.add(secret)
        for part in parts(value):
            self._add(part, secret, secret.as_word)
        if "auth" in secret.name.lower():
            for part in credentials(value):
                self._add(part, secret, False)
            self._add(basic_password(value), secret, True)  # a person's, and may be a word

    def _add(self, part: str, secret: Secret, as_word: bool) -> None:
        part = part[:MAX_SECRET]
        owner = secret.owner
        if not _is_worth_it(part.rstrip(_ENDS), as_word=as_word) or part in self.secrets:
            return
        if owner is not Owner.SITE and _IP_ADDRESS.fullmatch(part):
            return  # the client's address is in the request anyway (HOPTOAD_SEND_IP)
        if self._count[owner] >= MAX_VALUES or self._chars[owner] >= MAX_CHARS:
            self.is_full = True
            return
        self.secrets[part] = secret
        self._count[owner] += 1
        self._chars[owner] += len(part)


class Hit(NamedTuple):
    """A secret in a text. If the text shows only a part, the owner is not known."""

    text: int  # its index
    start: int
    end: int
    secret: Secret


_OF_THE_SITE = Secret("", "", "the site's own settings", "")
_SHORTENED = Secret("", "", "shortened", "")


class Search:
    """Looks for values in all texts of a page at once.

    `go_on` is called with the number of characters that are looked at, and raises where that takes too long.
    """

    def __init__(self, page: Page, go_on: Callable[[int], None]) -> None:
        self._page = page
        self._go_on = go_on
        self._encoded = page.holding("%")
        self._meanings = _decoded_each([page.texts[number] for number in self._encoded])
        self._said = "\0".join(self._meanings)

    def hits(self, own: OwnSecrets, values: Values) -> Iterator[Hit]:
        """The hits of all values. They may overlap."""
        page = self._page.whole
        words = {value: secret for value, secret in values.secrets.items() if _is_word(value)}
        forms = self._forms(own, values, words)
        for form in [form for form in forms if form in page]:
            self._go_on(len(page) >> 6)
            yield from self._at(occurrences(form, page), forms[form])
        found = [word for word in words if word in page]
        if found:
            for match in _whole(found).finditer(page):
                yield from self._at([match.span()], words[match[0]])
        if self._said:
            yield from self._encoded_hits({**words, **forms})
        if may_be_shortened(page):
            self._go_on(len(page))
            for shortened in (own.shortened, Shortened(values.secrets)):
                yield from self._at(shortened.spans(page), _SHORTENED)

    def _forms(self, own: OwnSecrets, values: Values, words: dict[str, Secret]) -> dict[str, Secret]:
        """The forms to search for, of those values whose core is in the page."""
        whole = f"{self._page.whole}\0{self._said}"
        forms = {form: _OF_THE_SITE for core, made in own.forms if core in whole for form in made}
        for value, secret in values.secrets.items():
            self._go_on(len(whole) >> 6)
            for core, made in encoded_forms(value):  # escaped or in Base64, it is no word
                if core in whole:
                    forms.update({form: secret for form in made if form not in forms and form not in words})
        return forms

    def _encoded_hits(self, forms: dict[str, Secret]) -> Iterator[Hit]:
        said = self._said
        wanted = {form.replace("+", " "): secret for form, secret in forms.items()}
        wanted = {form: secret for form, secret in wanted.items() if form in said}
        for number, shown in zip(self._encoded, self._meanings, strict=True) if wanted else ():
            present = [form for form in wanted if form in shown]
            self._go_on(len(present) * len(shown) + len(wanted))
            for start, end, form in spans_in_encoded(self._page.texts[number], present) if present else ():
                yield Hit(number, start, end, wanted[form])

    def _at(self, spans: Iterable[Span], secret: Secret) -> Iterator[Hit]:
        page = self._page
        for count, (start, end) in enumerate(spans):
            if count % _OFTEN == _OFTEN - 1:
                self._go_on(_OFTEN)
            number = page.number(start)
            first = page.starts[number]
            if end - first <= len(page.texts[number]):  # and not in two texts
                yield Hit(number, start - first, end - first, secret)


_OFTEN = 1_000


def _decoded_each(texts: list[str]) -> list[str]:
    """Each percent-encoded text decoded once, twice and more often. A plus is a blank."""
    levels = [level.split("\0") for level in decodings("\0".join(texts))] if texts else []
    if {*map(len, levels)} - {len(texts)}:  # %00 in one of them
        levels = []
        said = ["\0".join(decodings(text)) for text in texts]
    else:
        said = ["\0".join(meanings) for meanings in zip(*levels, strict=True)]
    return [text.replace("+", " ") for text in said]


def spans_of(own: OwnSecrets, text: str) -> list[Span]:
    """The spans of the site's own secrets in one text, in any form."""
    search = Search(Page([(text, "text", "", "")]), lambda _: None)
    return [(hit.start, hit.end) for hit in search.hits(own, Values())]


class Shortened:
    """Finds what is left of shortened secrets. Immutable once built: threads may share it.

    `left at correct-hor...` and `...aple-77 was refused` each show a part of correct-horse-staple-77.
    """

    def __init__(self, values: Iterable[str]) -> None:
        self._by_start: dict[str, list[str]] = {}
        self._by_end: dict[str, list[str]] = {}
        self._inside: set[str] = set()
        left = _MAX_FORMS
        # Short ones first: the forms of a long one may take all the room.
        for form in dict.fromkeys(form for value in sorted(values, key=len) for form in written(value)):
            left -= len(form)
            if left < 0:
                break
            if len(form) > _MIN_SHOWN:
                self._by_start.setdefault(form[:_MIN_SHOWN], []).append(form)
                self._by_end.setdefault(form[-_MIN_SHOWN:], []).append(form)
                self._inside.update(form[at : at + _SURE] for at in range(len(form) - _SURE + 1))

    def spans(self, text: str) -> list[Span]:
        """The spans of the parts."""
        found: list[Span] = []
        edges = [ellipsis.span() for ellipsis in _ELLIPSIS.finditer(text)] if may_be_shortened(text) else []
        # Each character is looked at from one ellipsis on either side of it, no more.
        around = zip([(0, 0), *edges], edges, [*edges[1:], (len(text), 0)], strict=False)
        for (_, first), (start, end), (last, _) in around:
            before, after = text[max(first, start - _WINDOW) : start], text[end : min(last, end + _WINDOW)]
            shown_after = self._after(after, words=False)
            shown_before = self._before(before, words=shown_after > 0)
            if shown_before and not shown_after:
                shown_after = self._after(after, words=True)
            if shown_before:
                found.append((start - shown_before, start))
            if shown_after:
                found.append((end, end + shown_after))
        return found

    def _before(self, text: str, *, words: bool) -> int:
        """How much of the end of `text` is the beginning of a secret, or 16 characters and more of it.

        Whole words of a secret count where wanted.
        """
        for at in range(len(text) - _MIN_SHOWN + 1):
            shown = text[at:]
            for form in self._by_start.get(shown[:_MIN_SHOWN], ()):
                if form.startswith(shown) and (
                    words or not _is_part_word(shown, form[len(shown) : len(shown) + 1])
                ):
                    return len(shown)
        end = len(text)
        while end >= _SURE and text[end - _SURE : end] in self._inside:
            end -= 1
        return len(text) - end + _SURE - 1 if end < len(text) else 0

    def _after(self, text: str, *, words: bool) -> int:
        """How much of the beginning of `text` is the end of a secret, or 16 characters and more of it."""
        for end in range(len(text), _MIN_SHOWN - 1, -1):
            shown = text[:end]
            for form in self._by_end.get(shown[-_MIN_SHOWN:], ()):
                if form.endswith(shown) and (
                    words or not _is_part_word(shown, _last_character(form[: -len(shown)]))
                ):
                    return end
        at = 0
        while text[at : at + _SURE] in self._inside:
            at += 1
        return at + _SURE - 1 if at else 0


def may_be_shortened(text: str) -> bool:
    """Whether anything in `text` may be an ellipsis."""
    return any(map(text.__contains__, _HINTS))


def _is_part_word(part: str, neighbour: str) -> bool:
    """Whether the part is a whole word of the secret. `correct...` is as often prose, `vNzuwX...` is not."""
    is_word = part.isalpha() and (part[1:].islower() or part.isupper())
    return is_word and not neighbour.isalnum()


def _last_character(text: str) -> str:
    """The last character of the form of a secret, as it is meant: a dash in `correct%2D`."""
    escaped = _ESCAPED_LAST.search(text)
    return chr(int(escaped[1] or escaped[2], 16)) if escaped else text[-1:]


def _whole(words: Iterable[str]) -> "re.Pattern[str]":
    return re.compile(rf"{WORD_STARTS}(?:{'|'.join(map(re.escape, words))})\b")


def _is_word(value: str) -> bool:
    return value.isalnum() and not is_telling(value)


def is_telling(value: str) -> bool:
    """Whether the value is hardly anything but a secret: long, or of letters and something else."""
    if value.isdigit():
        return False
    return len(value) >= 16 or (
        len(value) >= 8 and not value.isalpha() and not value.replace(".", "").isdigit()
    )


def _is_worth_it(value: str, *, as_word: bool) -> bool:
    if len(value) < MIN_LENGTH or value == MASK:
        return False
    if value.isdigit():
        return len(value) >= MIN_DIGITS
    return is_telling(value) or (as_word and value.lower() not in _ORDINARY)
