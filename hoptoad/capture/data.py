"""Copies nested data as plain text within its limits. Values under names of secrets are set aside."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import unquote_plus
from uuid import UUID

from hoptoad.capture.values import (
    NUMBERS,
    SHORT,
    bounded_repr,
    exact,
    memory_of,
    number_text,
    plain,
    slots_of,
)
from hoptoad.notice import Owner, Secret, Value
from hoptoad.redaction.cutting import MASK, SLACK, Room
from hoptoad.redaction.key_values import SAY_A_NAME, SAY_A_VALUE
from hoptoad.redaction.names import MAX_JUDGED, Names
from hoptoad.redaction.secrets import MAX_CHARS, MAX_SECRET, MAX_VALUES

MAX_NAME = 255
_MIN_COOKIE = 16
_MAX_CUT_AWAY = 4_000
_MAX_HIDDEN = 200
_MAX_RAW = 64 * 1024
_MAX_NUMBER = 255
_SEQUENCES = frozenset({list, tuple, set, frozenset})
_LEAVES = frozenset({str, int, float, bool, type(None)})
_NAME_KEYS = frozenset({*SAY_A_NAME, *map(str.capitalize, SAY_A_NAME)})
_VALUE_KEYS = frozenset({*SAY_A_VALUE, *map(str.capitalize, SAY_A_VALUE)})

_Entries = tuple[tuple[Any, Any], ...]


class Origin(NamedTuple):
    """Where data comes from, for the secrets that are found in it."""

    section: str
    owner: Owner = Owner.SITE
    as_word: bool = True


class DataReader:
    """Copies the data of one notice, and collects what is `hidden` in it.

    `marked` are further names of secrets, each with its rule; they are matched exactly.
    """

    def __init__(self, names: Names, marked: Mapping[str, str]) -> None:
        self._names = names
        self.marked = marked
        self._hidden: dict[Secret, None] = {}
        self.is_full = False  # there were more
        self._count = [0, 0, 0]  # by owner
        self._chars = [0, 0, 0]

    @property
    def hidden(self) -> list[Secret]:
        """The secrets that were set aside so far."""
        return [*self._hidden]

    def rule(self, name: str) -> str:
        """The rule by which `name` names a secret; empty if it does not."""
        if "%" in name:
            name = unquote_plus(name)
        return self.marked[name] if name in self.marked else self._names.rule(name)

    def suspects(self, names: list[str]) -> set[str]:
        """Those of `names` that may have a rule, and more."""
        return {*self._names.suspects(names), *self.marked} if names else set()

    def data(self, value: Any, room: Room, origin: Origin, path: tuple[int, ...] = ()) -> Value:
        """`value` as nested text within `room`.

        Dictionaries and lists are followed, circles and depth marked; other objects are named.
        """
        kind = type(value)
        if kind in NUMBERS:
            value, kind = number_text(value), str
        is_mapping = kind is dict or issubclass(kind, dict)
        if not is_mapping and kind not in _SEQUENCES:
            return room.take(value if kind is str else plain(value, room.window))
        here = id(value)
        if here in path:
            return "[circular]"
        if len(path) >= room.depth:
            self.know([value], origin)
            return "[too deep]"
        path = (*path, here)
        if is_mapping:
            return self.mapping(value, room, origin, path)
        return self._sequence(tuple(value), room, origin, path)

    def mapping(
        self, value: "dict[Any, Any]", room: Room, origin: Origin, path: tuple[int, ...] = ()
    ) -> dict[str, Value]:
        """A dictionary as nested text. A last entry counts the items without room."""
        # A copy made in one step: another thread may be changing the original.
        fits = max(0, room.values)
        entries: _Entries = tuple(islice(dict.items(value), fits + _MAX_CUT_AWAY))
        shown = self._copied(entries, fits, room, origin, path)
        if shown is not None and not entries[fits:]:
            return shown
        taken = 0 if shown is None else len(shown)
        if shown is None:
            shown = {}
            value_name, value_rule = self._name_beside_value(entries)
            for key, item in entries:
                if room.is_full:
                    break
                taken += 1
                room.values -= 1
                whole = _key(key)
                name = room.take(whole, MAX_NAME)
                while name in shown:
                    name += "'"
                shown[name] = MASK
                if value_rule and type(key) is str and key in _VALUE_KEYS:
                    self.hide(item, value_name, value_rule, origin)
                elif rule := self.rule(whole):
                    if item is not value_name:  # a name is no secret
                        self.hide(item, whole, rule, origin)
                else:
                    shown[name] = self.data(item, room, origin, path)
        if taken < len(entries):  # not shown here, and not to be shown elsewhere either
            self._know_entries(entries[taken:], origin)
        if left := dict.__len__(value) - taken:
            shown["[cut]"] = f"{left} more"
        return shown

    def _copied(
        self, entries: _Entries, fits: int, room: Room, origin: Origin, path: tuple[int, ...]
    ) -> "dict[str, Value] | None":
        """The usual dictionary: names of an ordinary kind, and room for all. None for any other."""
        shown: dict[Any, Any] = {
            name: str(item) if type(item) in SHORT else number_text(item) if type(item) is int else item
            for name, item in entries[:fits]
        }
        if {*map(type, shown)} - {str}:
            return None
        if not _VALUE_KEYS.isdisjoint(shown) and self._name_beside_value(entries)[1]:
            return None
        names = [*shown]
        suspects = [*self._names.suspects(names), *[name for name in names if name in self.marked]]
        hidden = [(name, shown[name], self.rule(name)) for name in suspects]
        for name, _, rule in hidden:
            shown[name] = MASK if rule else shown[name]
        nested = [name for name, item in shown.items() if type(item) is not str]
        texts = [*names, *[item for item in shown.values() if type(item) is str]]
        size = sum(map(len, texts))
        if (
            size > room.chars
            or (size > room.short and max(map(len, texts)) > room.short)
            or (nested and 2 * len(names) >= room.values)
        ):
            return None
        room.values -= len(names)
        room.chars -= size
        for name, item, rule in hidden:
            if rule:
                self.hide(item, name, rule, origin)
        for name in nested:
            shown[name] = self.data(shown[name], room, origin, path)
        return shown

    def _sequence(
        self, items: tuple[object, ...], room: Room, origin: Origin, path: tuple[int, ...]
    ) -> tuple[Value, ...]:
        shown: list[Value] = []
        for item in items:
            if room.values <= 0 or room.chars <= 0:
                self.know(items[len(shown) :], origin)
                shown.append(f"[cut] {len(items) - len(shown)} more")
                break
            room.values -= 1
            shown.append(self.data(item, room, origin, path))
        return tuple(shown)

    def lines(self, lines: Iterable[str], room: Room) -> tuple[Value, ...]:
        """Texts that were cut before, as far as there is room."""
        waiting = deque(lines)
        shown: list[Value] = []
        while waiting and not room.is_full:
            room.values -= 1
            shown.append(room.take(waiting.popleft(), room.text + MAX_NAME))
        if waiting:
            shown.append(f"[cut] {len(waiting)} more")
        return tuple(shown)

    def cookie(self, name: str, value: str, owner: Owner) -> None:
        """Sets aside a cookie's value where it is more than a preference (`en`, `dark`)."""
        value = value.strip('"')
        if len(value) >= _MIN_COOKIE or self.rule(name):
            self.add(value, name, "cookie", Origin("cgi-data", owner, as_word=False))

    def know(self, values: Iterable[object], origin: Origin) -> None:
        """Sets aside the secrets in data that is not shown, as far as it is looked at."""
        waiting = deque(values)
        left = _MAX_CUT_AWAY
        while waiting and left > 0:
            item = waiting.popleft()
            if issubclass(type(item), dict):
                entries: _Entries = tuple(islice(dict.items(item), left))  # type: ignore[arg-type]
                waiting += self._know_entries(entries, origin, below=False)
                left -= len(entries)
            elif type(item) in _SEQUENCES:
                items = tuple(islice(item, left))  # type: ignore[call-overload]
                waiting += [below for below in items if type(below) not in _LEAVES]
                left -= len(items)

    def _know_entries(self, entries: _Entries, origin: Origin, *, below: bool = True) -> list[object]:
        """Sets aside what stands under the names of secrets; returns what else has something below it."""
        keys = [key for key, _ in entries if type(key) is str]
        suspects = self.suspects(keys)
        value_name, value_rule = self._name_beside_value(entries)
        rest = []
        for key, item in entries:
            is_suspect = key in suspects if type(key) is str else type(key) not in _LEAVES
            if value_rule and type(key) is str and key in _VALUE_KEYS:
                self.hide(item, value_name, value_rule, origin)
            elif is_suspect and (rule := self.rule(_key(key))):
                self.hide(item, _key(key), rule, origin)
            elif type(item) not in _LEAVES:
                rest.append(item)
        if below and rest:
            self.know(rest, origin)
        return rest

    def _name_beside_value(self, entries: _Entries) -> tuple[str, str]:
        """The secret's name in `{"key": "api_key", "value": …}`, and its rule; empty texts without one."""
        if not [key for key, _ in entries if type(key) is str and key in _VALUE_KEYS]:
            return "", ""
        for key, item in entries:
            if type(item) is str and key in _NAME_KEYS and (rule := self.rule(item)):
                return item, rule
        return "", ""

    def hide(self, value: object, name: str, rule: str, origin: Origin) -> None:
        """Sets aside every text in `value`, which is masked under `name` by `rule`."""
        if type(value) is str:
            self.add(value, name, rule, origin)
            return
        texts = list(_texts_in(value))
        for text in texts or [""]:
            self.add(text, name, rule, origin)

    def add(self, value: str, name: str, rule: str, origin: Origin) -> None:
        """Sets aside one text; of each owner no more than can be looked for."""
        section, owner, as_word = origin
        secret = Secret(value[:MAX_SECRET], section, name, rule, owner, as_word)
        if secret in self._hidden:
            return
        if self._count[owner] >= MAX_VALUES or self._chars[owner] >= MAX_CHARS:
            self.is_full = True
            return
        self._count[owner] += 1
        self._chars[owner] += len(secret[0])
        self._hidden[secret] = None


def _key(key: object) -> str:
    if issubclass(type(key), str):
        return exact(key)[:MAX_JUDGED]  # type: ignore[arg-type]
    return bounded_repr(key, MAX_NAME + SLACK)


def _texts_in(value: object) -> Iterator[str]:
    """The texts and numbers in nested data, as far as they may reappear."""
    waiting = [value]
    for _ in range(_MAX_HIDDEN):
        if not waiting:
            return
        item = waiting.pop()
        kind = type(item)
        if issubclass(kind, dict):
            waiting.extend(islice(dict.values(item), _MAX_HIDDEN))  # type: ignore[arg-type]
        elif kind in _SEQUENCES or kind is deque:
            waiting.extend(islice(item, _MAX_HIDDEN))  # type: ignore[call-overload]
        elif issubclass(kind, tuple):  # named
            waiting.extend(islice(tuple.__iter__(item), _MAX_HIDDEN))  # type: ignore[arg-type]
        elif issubclass(kind, (bytes, bytearray)):
            raw = bytes(memoryview(item)[:_MAX_RAW])  # type: ignore[arg-type]
            yield raw.decode("utf-8", "replace")
            yield repr(raw)[2:-1]
        elif issubclass(kind, str):
            yield exact(item)[:_MAX_RAW]  # type: ignore[arg-type]
        elif kind in (int, float, Decimal, UUID):
            yield plain(item, _MAX_NUMBER)
        elif issubclass(kind, BaseException):
            waiting.append(BaseException.__dict__["args"].__get__(item))
        elif "__dataclass_fields__" in kind.__dict__:
            waiting += [memory_of(item), slots_of(item)]
