"""Cuts texts to a length, masks parts of them, and counts the room that is left for more."""

from collections.abc import Iterable

MASK = "*" * 20
CUT = "… [cut]"
# Characters that are copied beyond the limit of a text. Redaction then sees a secret whole that the limit
# cuts in two.
SLACK = 2048
# At least so many and SLACK are copied: a tighter limit must not hide a secret that is quoted elsewhere.
_LEAST = 2048
_MAX_NAME = 255


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


class Room:
    """How many values and characters may still be copied, of each text at least SLACK more than are shown."""

    __slots__ = ("chars", "depth", "short", "text", "values", "window")

    def __init__(self, *, values: int, chars: int, text: int, depth: int) -> None:
        self.values = values
        self.chars = chars
        self.text = text
        self.window = max(text, _LEAST) + SLACK  # how much of a text is copied
        self.short = min(text, _MAX_NAME)  # neither a name nor a text of it is cut
        self.depth = depth

    def part(self, share: float) -> "Room":
        """A Room of its own with a share of what is left."""
        part = Room(
            values=int(self.values * share), chars=int(self.chars * share), text=self.text, depth=self.depth
        )
        self.values -= part.values
        self.chars -= part.chars
        return part

    @property
    def is_full(self) -> bool:
        return self.values <= 0 or self.chars <= 0

    def take(self, text: str, max_chars: int | None = None) -> str:
        """The start of `text` that has room; takes that room."""
        limit = self.text if max_chars is None else max_chars
        size = len(text)
        if size <= limit:
            self.chars -= size
            return text
        self.chars -= limit
        return text[: max(limit, _LEAST) + SLACK]
