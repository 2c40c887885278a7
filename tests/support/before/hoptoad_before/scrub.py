"""Masking in nested data and in cookies."""

from collections import deque
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

from hoptoad_before.budget import Budget
from hoptoad_before.masked import MASK
from hoptoad_before.names import MAX_JUDGED
from hoptoad_before.notice import Value
from hoptoad_before.pairs import SAY_A_NAME, SAY_A_VALUE
from hoptoad_before.scrubtext import MAX_REMEMBERED, TextScrubber
from hoptoad_before.text import SLACK, bounded_repr, cut, exact, memory_of, plain, slots_of

_MIN_COOKIE = 16
_MAX_HIDDEN = 200
_MAX_CUT_AWAY = 4_000
_MAX_SECRET = 64 * 1024
_MANY = 256
# Of these many browsers send the same.
_SHARED = frozenset({"HTTP_ACCEPT", "HTTP_ACCEPT_LANGUAGE", "HTTP_USER_AGENT"})
_SEQUENCES = frozenset({list, tuple, set, frozenset})
_LEAVES = frozenset({str, int, float, bool, type(None)})
_SAY_A_NAME = frozenset({*SAY_A_NAME, *map(str.capitalize, SAY_A_NAME)})
_SAY_A_VALUE = frozenset({*SAY_A_VALUE, *map(str.capitalize, SAY_A_VALUE)})
_MAX_NAME = 255


_Entries = tuple[tuple[Any, Any], ...]


class Scrubber(TextScrubber):
    """The same for all that a request may hold."""

    def cookies(self, header: str) -> str:
        """The names in a Cookie header; no value is ever sent."""
        shown = []
        for part in header.split(";"):
            name, _, value = part.strip().partition("=")
            if name:
                self.cookie(name, value)
                shown.append(f"{name}={MASK}")
        return "; ".join(shown)

    def cookie(self, name: str, value: str) -> None:
        """Remembers a cookie's value where it is more than a preference (`en`, `dark`)."""
        value = value.strip('"')
        if self.rule(name) or len(value) >= _MIN_COOKIE:
            self.masked.add(value, name, "cookie", strict=True)

    def data(self, value: object, budget: Budget, *, path: tuple[int, ...] = ()) -> Value:
        """`value` as nested text, masked and within `budget`.

        Dictionaries and lists are followed, circles and depth marked; other objects are named.
        """
        kind = type(value)
        if kind is str:
            text = cut(value, budget.window)  # type: ignore[arg-type]
        elif issubclass(kind, dict) or kind in _SEQUENCES:
            if id(value) in path:
                return "[circular]"
            if len(path) >= budget.depth:
                self.know([value])
                return "[too deep]"
            path = (*path, id(value))
            if issubclass(kind, dict):
                return self.mapping(value, budget, path=path)  # type: ignore[arg-type]
            return self._sequence(tuple(value), budget, path)  # type: ignore[arg-type]
        else:
            text = plain(value, budget.window)
        budget.work -= len(text)
        if budget.work < 0:
            return "[cut]"  # so much text of so little use costs the request too much
        return budget.spend(self.text(text))

    def mapping(
        self, value: "dict[object, object]", budget: Budget, *, path: tuple[int, ...] = ()
    ) -> dict[str, Value]:
        """A dictionary as nested text; what finds no room is counted in a last entry."""
        masked: dict[str, Value] = {}
        taken, room = 0, max(budget.variables, 0)
        # A copy made in one step: another thread may be changing the original.
        entries: _Entries = tuple(islice(dict.items(value), room + _MAX_CUT_AWAY))
        cut_away = [*entries[room:]]
        told, told_rule = self._told_name(entries)
        quiet = {} if told_rule else self._quiet(entries[:room], budget)
        for key, item in entries[:room]:
            if type(key) is str and key in quiet:
                masked[key] = item
                taken += 1
                continue
            if budget.variables <= 0 or budget.chars <= 0:
                cut_away.append((key, item))
                continue
            taken += 1
            budget.variables -= 1
            self.masked.field = "a name"
            rule, shown = self._judged_name(key)
            name = budget.spend(shown, _MAX_NAME)
            self.masked.field = exact(name)
            while name in masked or name in quiet:  # two names that differed in a secret only
                name += "'"
            if told_rule and type(key) is str and key in _SAY_A_VALUE:
                self.hide(item, told, told_rule)
                masked[name] = MASK
            elif rule:
                if item is not told:  # a name is no secret
                    self.hide(item, _key(key), rule)
                masked[name] = MASK
            else:
                masked[name] = self.data(item, budget, path=path)
                if name in _SHARED and masked[name] is item:
                    self.known.texts.add(str(item))
        left = dict.__len__(value) - taken
        if cut_away:  # not shown, but not to be told elsewhere either
            self._know_entries(tuple(cut_away))
        if left:
            masked["[cut]"] = f"{left} more"
        return masked

    def _quiet(self, entries: _Entries, budget: Budget) -> "dict[str, str]":
        """What needs no looking at, one by one: known names, and short texts that hold no pair and no shape.

        These are most of what there is. Their room is taken at once; where there is not enough of it
        for all, none is quiet.
        """
        longest, names, texts = min(budget.text, MAX_REMEMBERED), self.known.names, self.known.texts
        young, old = names.young, names.old
        quiet = {
            key: item
            for key, item in entries[:_MANY]
            if type(item) is str
            and type(key) is str
            and (key in young or key in old)
            and len(item) <= longest
            and ((":" not in item and "=" not in item) or item in texts.young or item in texts.old)
        }
        page = "\0".join(quiet.values())
        size = len(page) + sum(map(len, quiet))
        if size > budget.chars or len(quiet) > budget.variables or self._recognisers.worth_trying(page):
            return {}
        budget.variables -= len(quiet)
        budget.chars -= size
        budget.work -= len(page)
        return quiet

    def _judged_name(self, key: object) -> tuple[str, str]:
        """The rule that makes `key` the name of a secret, or an empty text; and the name as it is shown."""
        names = self.known.names
        if type(key) is str and (key in names.young or key in names.old):
            return "", key
        whole = _key(key)
        rule = self.rule(whole)
        if not self.is_plain(whole):
            return rule, self.text(whole)
        if not rule:
            self.known.names.add(whole)
        return rule, whole

    def _sequence(
        self, items: tuple[object, ...], budget: Budget, path: tuple[int, ...]
    ) -> tuple[Value, ...]:
        masked: list[Value] = []
        for item in items:
            if budget.variables <= 0 or budget.chars <= 0:
                masked.append(f"[cut] {len(items) - len(masked)} more")
                self.know(items[len(masked) - 1 :])
                break
            budget.variables -= 1
            masked.append(self.data(item, budget, path=path))
        return tuple(masked)

    def lines(self, lines: Iterable[tuple[str, int]], budget: Budget) -> tuple[Value, ...]:
        """Texts, each with how much of it may be shown, masked and within `budget`."""
        shown: list[Value] = []
        waiting = deque(lines)
        while waiting and budget.variables > 0 and budget.chars > 0:
            text, room = waiting.popleft()
            budget.variables -= 1
            shown.append(budget.spend(self.text(text), min(room, budget.text)))
        if waiting:
            shown.append(f"[cut] {len(waiting)} more")
        return tuple(shown)

    def know(self, values: Iterable[object]) -> None:
        """Remembers the secrets in data that is not shown, as far as it is looked at."""
        waiting = deque(values)
        left = _MAX_CUT_AWAY
        while waiting and left > 0:
            item = waiting.popleft()
            if issubclass(type(item), dict):
                entries: _Entries = tuple(islice(dict.items(item), left))  # type: ignore[arg-type]
                waiting += self._know_entries(entries, below=False)
                left -= len(entries)
            elif type(item) in _SEQUENCES:
                items = tuple(islice(item, left))  # type: ignore[call-overload]
                waiting += [below for below in items if type(below) not in _LEAVES]
                left -= len(items)

    def _know_entries(self, entries: _Entries, *, below: bool = True) -> list[object]:
        """Remembers what stands under the names of secrets; returns what else has something below it."""
        keys = [key for key, _ in entries if type(key) is str]
        suspects = {*self.suspects(keys)} if keys else set()
        told, told_rule = self._told_name(entries)
        rest = []
        for key, item in entries:
            is_suspect = key in suspects if type(key) is str else type(key) not in _LEAVES
            if told_rule and type(key) is str and key in _SAY_A_VALUE:
                self.hide(item, told, told_rule)
            elif is_suspect and (rule := self._judged_name(key)[0]):
                self.hide(item, _key(key), rule)
            elif type(item) not in _LEAVES:
                rest.append(item)
        if below and rest:
            self.know(rest)
        return rest

    def _told_name(self, entries: _Entries) -> tuple[str, str]:
        """The secret's name in `{"key": "api_key", "value": …}`, and its rule; empty texts without one."""
        keys = {key for key, _ in entries if type(key) is str}
        if keys.isdisjoint(_SAY_A_VALUE) or keys.isdisjoint(_SAY_A_NAME):
            return "", ""
        for key, item in entries:
            if type(item) is str and key in _SAY_A_NAME and (rule := self.rule(item)):
                return item, rule
        return "", ""

    def hide(self, value: object, name: str, rule: str, *, strict: bool = False) -> None:
        """Remembers every text in `value`, which is masked under `name` by `rule`."""
        texts = _texts(value)
        self.masked.add(next(texts, ""), name, rule, strict=strict)
        for text in texts:
            self.masked.remember(text, name, strict=strict)

    def remember(self, value: object, name: str) -> None:
        """Remembers every text in `value`, of which something less is masked."""
        for text in _texts(value):
            self.masked.remember(text, name)


def _texts(value: object) -> Iterator[str]:
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
            raw = bytes(memoryview(item)[:_MAX_SECRET])  # type: ignore[arg-type]
            yield raw.decode("utf-8", "replace")
            yield repr(raw)[2:-1]
        elif issubclass(kind, str):
            yield exact(item)[:_MAX_SECRET]  # type: ignore[arg-type]
        elif kind in (int, float, Decimal, UUID):
            yield plain(item, _MAX_NAME)
        elif issubclass(kind, BaseException):
            waiting.append(BaseException.__dict__["args"].__get__(item))
        elif "__dataclass_fields__" in kind.__dict__:
            waiting += [memory_of(item), slots_of(item)]


def _key(key: object) -> str:
    if issubclass(type(key), str):
        return exact(key)[:MAX_JUDGED]  # type: ignore[arg-type]
    return bounded_repr(key, _MAX_NAME + SLACK)
