"""Texts of a bounded length, and what stands for what is not shown."""

from collections.abc import Iterable

MASK = "*" * 20
CUT = "… [cut]"
# What a text has beyond its bound while it is being redacted, so that a secret which the bound would
# cut in two is seen whole.
SLACK = 2048


def cut(text: str, max_chars: int, mark: str = CUT) -> str:
    """`text`, at most `max_chars` characters of it, its end marked where it was longer."""
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
