"""Text in which something is masked, and which still knows what it was until its notice is finished."""

from collections.abc import Callable, Iterable
from itertools import accumulate, pairwise

from hoptoad_before.disguises import Span
from hoptoad_before.masked import MASK


class _Cleaned(str):
    """A text in which something is masked, and what it was. A finished notice holds none of these."""

    __slots__ = ("raw", "spans")
    raw: str
    spans: tuple[Span, ...]


def cleaned(raw: str, spans: list[Span]) -> str:
    """`raw` with the spans masked. It remembers `raw`, so that a longer secret, of which only a part
    is masked, can still be found. Without spans it is `raw` itself.
    """
    if not spans:
        return raw
    text = _Cleaned(hidden(raw, spans))
    text.raw, text.spans = raw, tuple(spans)
    return text


def origin(text: str) -> tuple[str, tuple[Span, ...]]:
    """What a text was before something in it was masked, and where that is."""
    return (text.raw, text.spans) if type(text) is _Cleaned else (text, ())


def joined(*parts: str) -> str:
    """The texts in a row."""
    raw = ""
    spans: list[Span] = []
    for part in parts:
        if type(part) is _Cleaned:
            spans += shifted(part.spans, len(raw))
            part = part.raw
        raw += part
    return cleaned(raw, spans)


def mapped(change: Callable[[str], str], text: str) -> str:
    """The text changed by a function to which each of its characters is a thing of its own."""
    raw, spans = origin(text)
    if not spans:
        return change(raw)
    edges = sorted({0, len(raw), *(edge for span in spans for edge in span)})
    pieces = [change(raw[start:end]) for start, end in pairwise(edges)]
    moved = dict(zip(edges, accumulate(map(len, pieces), initial=0), strict=True))
    return cleaned("".join(pieces), [(moved[start], moved[end]) for start, end in spans])


def shifted(spans: Iterable[Span], by: int) -> list[Span]:
    """The same in a text that begins so much earlier."""
    return [(start + by, end + by) for start, end in spans]


def hidden(text: str, spans: Iterable[Span], upto: int | None = None) -> str:
    """`text` up to a character, with a mask instead of each span, and one for those that touch."""
    pieces: list[str] = []
    done, upto = 0, len(text) if upto is None else upto
    for start, end in sorted(spans):
        if start >= upto:
            break
        if start > done or not pieces:
            pieces += [text[done:start], MASK]
        done = max(done, end)
    return "".join(pieces) + text[done:upto]
