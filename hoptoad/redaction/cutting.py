"""Texts of a bounded length."""

CUT = "… [cut]"
# What a text must have beyond its bound while it is being masked, so that a secret which the bound
# would cut in two is seen whole.
SLACK = 2048


def cut(text: str, max_chars: int, mark: str = CUT) -> str:
    """`text`, at most `max_chars` characters of it, its end marked where it was longer."""
    if len(text) <= max_chars:
        return text
    return text[: max(max_chars - len(mark), 0)] + mark[:max_chars]
