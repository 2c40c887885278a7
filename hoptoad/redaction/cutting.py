"""Cuts texts to a length and masks parts of them."""

from collections.abc import Iterable

MASK = "*" * 20
CUT = "… [cut]"
# Characters that are copied beyond the limit of a text. Redaction then sees a secret whole that the limit
# cuts in two.
SLACK = 2048


def cut(text: str, max_chars: int, mark: str = CUT) -> str:
    """The first `max_chars` characters of `text`, with a mark at the end if it was longer."""
    if len(text) <= max_chars:
        return text
    return text[: max(max_chars - len(mark), 0)] + mark[:max_chars]


def hidden(text: str, spans: Iterable[tuple[int, int]], upto: int | None = None) -> str:
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
