"""What is wrong with the settings, in the words of `manage.py check` and of the start."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass
from typing import Any

from hoptoad_before import messages, shapes
from hoptoad_before.imports import when_needed
from hoptoad_before.text import clean, cut

PREFIX = "HOPTOAD_"
GROUP = PREFIX + "SETTINGS"
_MAX_VALUE = 120  # characters
_MAX_TEXT = 2000
_OF_DJANGO = (
    ("IGNORABLE_404_URLS", shapes.patterns, r'[re.compile(r"^/favicon\.ico$")]'),
    ("IGNORABLE_404_STARTS", shapes.strings, '["/cgi-bin/"]'),
    ("IGNORABLE_404_ENDS", shapes.strings, '["favicon.ico", ".php"]'),
)

Rows = Mapping[str, "Field[Any]"]  # name -> row of `conf.Settings`


@dataclass(slots=True, eq=False)
class Problem:
    """One thing wrong with the settings. `id` is that of the Django system check: "hoptoad_before.E001"."""

    id: str
    text: str
    hint: str


class Report:
    """Reads what was given and collects what is wrong with it."""

    def __init__(self, given: Mapping[Any, Any], rows: Rows) -> None:
        self._given = given
        self._rows = rows
        # Rules between settings look at these: defaults and what was read, nothing malformed.
        self._read: dict[str, Any] = {name: row.default for name, row in rows.items()}
        key = given.get("HOPTOAD_API_KEY")
        self._key = key.strip() if isinstance(key, str) else ""

    def problems(self, django_settings: Any) -> Iterator[Problem]:
        """Everything that keeps the settings from being used, in the order they are documented."""
        found = [
            *_not_a_group(getattr(django_settings, GROUP, {})),
            *self._unknown(),
            *self._malformed(),
            *self._contradictory(),
            *self._of_django(django_settings),
        ]
        for problem in found:
            yield Problem(problem.id, messages.one_line(self._masked(problem.text), _MAX_TEXT), problem.hint)

    def _unknown(self) -> Iterator[Problem]:
        for name in self._given:
            if name not in self._rows:
                yield _unknown(name, self._rows)

    def _malformed(self) -> Iterator[Problem]:
        for name, row in self._rows.items():
            if name in self._given:
                value = self._given[name]
                try:
                    self._read[name] = row.metadata["read"](value)
                except shapes.Malformed as wanted:
                    del self._read[name]
                    yield _malformed(name, self._shown(name, value), str(wanted), row)

    def _contradictory(self) -> Iterator[Problem]:
        read = self._read
        api = read.get("HOPTOAD_API")
        if wrong := _unsendable(read.get("HOPTOAD_API_KEY", ""), api):
            yield _malformed(
                "HOPTOAD_API_KEY", f"a str with {wrong[0]}", wrong[1], self._rows["HOPTOAD_API_KEY"]
            )
        uses_spool = "spool" in (read.get("HOPTOAD_HANDLER"), read.get("HOPTOAD_FALLBACK_HANDLER"))
        if uses_spool and read.get("HOPTOAD_SPOOL_DIR") == "":
            yield Problem(
                "hoptoad_before.E006",
                'The handler is "spool", and HOPTOAD_SPOOL_DIR is not set.',
                'For example: HOPTOAD_SPOOL_DIR = "/var/spool/shop-errors"',
            )
        if api == "v3" and not any(
            read.get(name, "malformed") for name in ("HOPTOAD_PROJECT_ID", "HOPTOAD_NOTIFICATION_URL")
        ):
            yield Problem(
                "hoptoad_before.E007",
                'HOPTOAD_API is "v3", and there is no HOPTOAD_PROJECT_ID, which is a part of the address.',
                'For example: HOPTOAD_PROJECT_ID = "113743", or the whole HOPTOAD_NOTIFICATION_URL.',
            )

    def _of_django(self, django_settings: Any) -> Iterator[Problem]:
        for name, read, example in _OF_DJANGO:
            value = getattr(django_settings, name, ())
            try:
                read(value)
            except shapes.Malformed as wanted:
                yield Problem(
                    "hoptoad_before.E005",
                    f"{name} is {self._shown(name, value)}: expected {wanted}.",
                    f"For example: {name} = {example}",
                )

    def _shown(self, name: str, value: object) -> str:
        if name == "HOPTOAD_API_KEY":
            return f"a {type(value).__name__}"
        if name == "HOPTOAD_NOTIFICATION_URL" and isinstance(value, str):
            value = messages.without_query(messages.without_credentials(value))
        return cut(messages.without_credentials_inside(self._masked(repr(value))), _MAX_VALUE, "…")

    def _masked(self, text: str) -> str:
        """Without the key: until there is a Settings object, `messages` does not know it."""
        if not self._key:
            return text
        return messages.without_secrets(text, when_needed("hoptoad_before.masked").Known({self._key}))


def differing(grouped: Mapping[Any, Any], django_settings: Any, rows: Rows) -> Iterator[str]:
    """Names given both in the dictionary and on their own, with different meanings."""
    missing = object()
    for name, value in grouped.items():
        alone = getattr(django_settings, str(name), missing)
        if alone is not missing and _meaning(name, alone, rows) != _meaning(name, value, rows):
            yield str(name)


def _meaning(name: Any, value: Any, rows: Rows) -> Any:
    try:
        return rows[name].metadata["read"](value)
    except (KeyError, shapes.Malformed):
        return value


def _not_a_group(grouped: object) -> Iterator[Problem]:
    if not isinstance(grouped, Mapping):
        yield Problem(
            "hoptoad_before.E003",
            f"{GROUP} is a {type(grouped).__name__}: expected a dictionary of {PREFIX}… names.",
            f'Write {GROUP} = {{"HOPTOAD_API_KEY": "…"}}.',
        )


def _malformed(name: str, shown: str, wanted: str, row: "Field[Any]") -> Problem:
    example = row.metadata["example"]
    return Problem(
        "hoptoad_before.E002", f"{name} is {shown}: expected {wanted}.", f"For example: {name} = {example}"
    )


def _unsendable(key: str, api: object) -> tuple[str, str] | None:
    """The character of the key that its place in the request cannot hold, and what can be there.

    Version 2 takes whole documents as keys: Redmine's plug-ins want YAML or JSON.
    """
    if api == "v3":
        wrong = next((c for c in key if not " " <= c <= "~"), "")
        wanted = 'one line of ASCII, which HOPTOAD_API = "v3" sends in a header'
    else:
        wrong = next((c for c in key if clean(c) != c), "")
        wanted = "characters that XML allows"
    return (ascii(wrong), wanted) if wrong else None


def _unknown(name: object, rows: Rows) -> Problem:
    wanted = str(name).upper().removeprefix(PREFIX)
    near = difflib.get_close_matches(wanted, [known.removeprefix(PREFIX) for known in rows], n=1)
    hint = f"Did you mean {PREFIX}{near[0]}?" if near else f"Remove it. Known: {', '.join(rows)}."
    return Problem("hoptoad_before.E001", f"{name} is not a setting of django-hoptoad.", hint)
