"""Secrets that another library has shortened: their beginning or end beside an ellipsis."""

from collections.abc import Iterable

from hoptoad_before.disguises import Span, written
from hoptoad_before.lazily import compiled

# As pydantic, reprlib, PostgreSQL, textwrap and SQLAlchemy shorten, and rich: 'correct-hor'+20
_ELLIPSIS = compiled(
    r"\s?[\[(<]?(?:\.{3,}|…|\\u2026|&hellip;|&#8230;)"
    r"(?:\s?\(\d{1,9} characters truncated\)\s?\.{3})?[\])>]?\s?"
    r"|[\"']\+\d{1,9}"
)
_HINTS = ("...", "…", "\\u2026", "&hellip;", "&#8230;", "'+", '"+')
_MIN_SHOWN = 5  # characters; fewer tell too little
_SURE = 16  # so many are no accident, wherever in the secret they stand
_WINDOW = 256  # characters beside an ellipsis; longer secrets are known in pieces of this length
_MAX_FORMS = 64_000  # characters


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
        """Where the parts stand."""
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
                    words or not _is_word(shown, form[len(shown) : len(shown) + 1])
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
                if form.endswith(shown) and (words or not _is_word(shown, form[: -len(shown)][-1:])):
                    return end
        at = 0
        while text[at : at + _SURE] in self._inside:
            at += 1
        return at + _SURE - 1 if at else 0


def may_be_shortened(text: str) -> bool:
    """Whether anything in `text` may be an ellipsis."""
    return any(map(text.__contains__, _HINTS))


def _is_word(part: str, neighbour: str) -> bool:
    """Whether the part is a whole word of the secret: `correct...` is as often prose."""
    return part.isalpha() and not neighbour.isalnum()
