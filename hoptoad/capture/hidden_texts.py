"""The texts in a value that is masked, which may reappear elsewhere."""

from collections import deque
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from uuid import UUID

from hoptoad.capture.values import exact, memory_of, plain, slots_of

_MAX_HIDDEN = 200
_MAX_RAW = 64 * 1024
_MAX_NUMBER = 255
_SEQUENCES = frozenset({list, tuple, set, frozenset})


def texts_in(value: object) -> Iterator[str]:
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
