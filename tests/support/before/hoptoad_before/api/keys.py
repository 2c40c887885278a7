"""Keys of nested data that stay apart, and readable, where a server stores them."""

from collections.abc import Collection, Iterator

from hoptoad_before.text import clean


def stored(keys: Collection[str]) -> Collection[str]:
    """The keys in a form that every server stores unchanged, and no two of them the same.

    A database behind Errbit refuses dots, and a dollar at the beginning; Errbit writes dots as
    underscores, and of two keys that are the same then it keeps the last.

        ["a.b", "a_b", "$where"] -> ["a_b", "a_b_", "_$where"]

    Without it `test_no_two_keys_are_one_for_errbit` fails.
    """
    page = "".join(keys)
    if page.isprintable() and "." not in page and "$" not in page:  # as most are
        return keys
    return list(_apart(keys))


def readable(keys: Collection[str]) -> Collection[str]:
    """As `stored`, but dots stay where the underscores that Errbit makes of them are no other key's."""
    safe = stored(keys)
    if safe is keys:
        return keys
    return [_dotted(clean(key), name) for key, name in zip(keys, safe, strict=True)]


def original(key: str) -> str:
    """The key that `stored` and `readable` have written so; those with a dot excepted."""
    return key[1:] if _is_dollar(key) and key[0] == "_" else key


def _apart(keys: Collection[str]) -> Iterator[str]:
    taken: set[str] = set()
    repeated: dict[str, int] = {}
    for key in keys:
        safe = clean(key).replace(".", "_")
        if _is_dollar(safe):
            safe = f"_{safe}"
        name = safe
        while name in taken:
            count = repeated[safe] = repeated.get(safe, 0) + 1
            name = f"{safe}_{count if count > 1 else ''}"
        taken.add(name)
        yield name


def _is_dollar(key: str) -> bool:
    return key.lstrip("_").startswith("$")


def _dotted(key: str, safe: str) -> str:
    return key if key.replace(".", "_") == safe else safe
