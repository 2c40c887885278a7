"""What a mask left of a longer secret: of a passphrase, `password=correct horse` masks one word at first."""

from collections.abc import Iterable, Iterator


def leftovers(before: str, after: str, values: Iterable[str], mask: str) -> Iterator[str]:
    """Pieces of `after`, each with a mask beside it, that belong to a value which stood in `before`.

    `after` is `before` with some of it masked.
    """
    pieces = after.split(mask)
    first, last, between = pieces[0], pieces[-1], set(pieces[1:-1])
    for value in values:
        if value not in before:
            continue
        yield from (mask + piece + mask for piece in between if piece and piece in value)
        yield from (start + mask for piece in (first, *between) if (start := _start(piece, value)))
        yield from (mask + end for piece in (last, *between) if (end := _end(piece, value)))


def _start(piece: str, value: str) -> str:
    """The longest beginning of `value` that `piece` ends with."""
    piece = piece[-len(value) :]
    at = piece.find(value[0])
    while at >= 0:
        if value.startswith(piece[at:]):
            return piece[at:]
        at = piece.find(value[0], at + 1)
    return ""


def _end(piece: str, value: str) -> str:
    """The longest end of `value` that `piece` begins with."""
    return _start(piece[: len(value)][::-1], value[::-1])[::-1]
