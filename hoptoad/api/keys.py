"""Makes the keys of nested data safe for the servers that store them."""

from collections.abc import Collection, Iterator

from hoptoad.api.characters import clean


def storable(keys: Collection[str]) -> Collection[str]:
    """The keys in a form that every server stores unchanged. No two of them are the same.

    The database behind Errbit refuses dots, and dollars at the beginning. Errbit turns dots into
    underscores; if two keys become the same, it keeps the last.

        ["a.b", "a_b", "$where"] -> ["a_b", "a_b_", "_$where"]

    Without it `test_no_two_keys_are_one_for_errbit` fails.
    """
    page = "".join(keys)
    if page.isprintable() and "." not in page and "$" not in page:  # the most frequent case
        return keys
    return list(_apart(keys))


def readable(keys: Collection[str]) -> Collection[str]:
    """Like `storable`, but a dot stays if its underscore in Errbit does not make two keys the same."""
    safe = storable(keys)
    if safe is keys:
        return keys
    return [_dotted(clean(key), name) for key, name in zip(keys, safe, strict=True)]


def original(key: str) -> str:
    """The key before `storable` or `readable` changed it. Its dots are not restored."""
    return key[1:] if "$" in key and _is_dollar(key) and key[0] == "_" else key


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
