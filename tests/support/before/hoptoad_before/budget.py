"""What one notice may hold: bounded while it is built, and settled once all its secrets are known."""

from collections.abc import Iterable

from hoptoad_before.cleaned import hidden, origin
from hoptoad_before.disguises import Span
from hoptoad_before.text import CUT, SLACK, cut

_WORK = 4  # characters looked at for each that a notice may hold: masked ones take no room


class Budget:
    """What one notice may still hold; shared by all its sections, spent as they are built.

    A text is kept SLACK longer than it may be until `settle` has seen it, because a secret that
    lies across the bound can only be masked whole.
    """

    __slots__ = ("_rooms", "chars", "depth", "text", "variables", "work")

    def __init__(self, *, variables: int, chars: int, text: int, depth: int) -> None:
        self.variables = variables
        self.chars = chars
        self.text = text
        self.depth = depth
        self.work = _WORK * chars
        self._rooms: dict[str, tuple[int, bool, str]] = {}

    def part(self, share: float) -> "Budget":
        """A share of what is left, to be spent apart."""
        variables, chars = int(self.variables * share), int(self.chars * share)
        part = Budget(variables=variables, chars=chars, text=self.text, depth=self.depth)
        part._rooms = self._rooms
        self.variables -= variables
        self.chars -= chars
        return part

    @property
    def window(self) -> int:
        """How much of a text is worth looking at."""
        return self.text + SLACK

    @property
    def has_long_texts(self) -> bool:
        """Whether anything was kept longer than it may be."""
        return bool(self._rooms)

    def spend(self, text: str, max_chars: int | None = None, *, is_cut: bool = False, mark: str = CUT) -> str:
        """As much of `text` as the notice has room for, and what `settle` will take off again.

        `is_cut` says that there was more of it; so does its end, where `text.cut` has cut it. `mark`
        is what a text that had to be cut ends with.
        """
        room = self.text if max_chars is None else max_chars
        # A shorter text was not cut here: every bound keeps SLACK.
        is_cut = is_cut or (len(text) > SLACK and text.endswith(CUT))
        if not is_cut and type(text) is str and len(text) <= room and len(text) <= self.chars:  # as most are
            self.chars -= len(text)
            return text
        raw = origin(text)[0]
        is_cut = is_cut or (len(raw) > SLACK and raw.endswith(CUT))
        room = min(room, max(self.chars, 0))
        if raw is text and len(text) > room + SLACK:
            raw = text = text[: room + SLACK]
            is_cut = True
        if is_cut or len(text) > room:
            self._rooms[raw] = (room, is_cut, mark)
        self.chars -= min(len(text), room)
        return text

    def keep(self, text: str, max_chars: int) -> str:
        """Like `spend` for a text that is sent however little room is left."""
        if len(text) > max_chars:
            is_cut = len(text) > max_chars + SLACK
            text = text[: max_chars + SLACK]
            self._rooms[text] = (max_chars, is_cut, CUT)
        return text

    def settle(self, text: str, found: Iterable[Span] = ()) -> str:
        """`text` as it is sent: within its bound, and without what was `found` in its origin."""
        raw, masked = origin(text)
        room, is_cut, mark = self._rooms.get(raw, (self.text, False, CUT))
        if not is_cut:
            return cut(hidden(raw, [*masked, *found]), room, mark)  # a mask may be longer than what it hides
        # It may end in the half of a secret.
        sure = max(len(raw.removesuffix(CUT)) - SLACK, 0)
        return cut(hidden(raw, [*masked, *found], sure) + mark, room, mark)
