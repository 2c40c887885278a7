"""What is wrong with the settings, in the words of `manage.py check` and of the start."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass
from typing import Any

from hoptoad.conf import validators
from hoptoad.conf.settings import APIS, ApiRow
from hoptoad.redaction.cutting import cut
from hoptoad.runtime import messages
from hoptoad.runtime.lifecycle import importing

PREFIX = "HOPTOAD_"
GROUP = PREFIX + "SETTINGS"
_MAX_VALUE = 120  # characters
_MAX_TEXT = 2000
_OF_DJANGO = (
    ("IGNORABLE_404_URLS", validators.regular_expressions, r'[re.compile(r"^/favicon\.ico$")]'),
    ("IGNORABLE_404_STARTS", validators.strings, '["/cgi-bin/"]'),
    ("IGNORABLE_404_ENDS", validators.strings, '["favicon.ico", ".php"]'),
)

_OWN_API = ApiRow("")  # one of the site's own

Rows = Mapping[str, "Field[Any]"]  # name -> row of `conf.Settings`


@dataclass(slots=True, eq=False)
class Problem:
    """One thing wrong with the settings. `id` is that of the Django system check: "hoptoad.E001"."""

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
                except validators.Malformed as wanted:
                    del self._read[name]
                    yield _malformed(name, self._shown(name, value), str(wanted), row)

    def _contradictory(self) -> Iterator[Problem]:
        read = self._read
        api = read.get("HOPTOAD_API")
        row = APIS.get(str(api), _OWN_API)
        if wrong := row.key.forbidden.search(read.get("HOPTOAD_API_KEY", "")):
            shown = f"a str with {wrong[0]!a}"
            yield _malformed("HOPTOAD_API_KEY", shown, row.key.wanted, self._rows["HOPTOAD_API_KEY"])
        uses_spool = "spool" in (read.get("HOPTOAD_HANDLER"), read.get("HOPTOAD_FALLBACK_HANDLER"))
        if uses_spool and read.get("HOPTOAD_SPOOL_DIR") == "":
            yield Problem(
                "hoptoad.E006",
                'The handler is "spool", and HOPTOAD_SPOOL_DIR is not set.',
                'For example: HOPTOAD_SPOOL_DIR = "/var/spool/shop-errors"',
            )
        if row.needs and not (
            read.get(row.needs, "malformed") or read.get("HOPTOAD_NOTIFICATION_URL", "malformed")
        ):
            example = self._rows[row.needs].metadata["example"]
            yield Problem(
                "hoptoad.E007",
                f'HOPTOAD_API is "{api}", and there is no {row.needs}, which is a part of the address.',
                f"For example: {row.needs} = {example}, or the whole HOPTOAD_NOTIFICATION_URL.",
            )

    def _of_django(self, django_settings: Any) -> Iterator[Problem]:
        for name, read, example in _OF_DJANGO:
            value = getattr(django_settings, name, ())
            try:
                read(value)
            except validators.Malformed as wanted:
                yield Problem(
                    "hoptoad.E005",
                    f"{name} is {self._shown(name, value)}: expected {wanted}.",
                    f"For example: {name} = {example}",
                )

    def _shown(self, name: str, value: object) -> str:
        if name == "HOPTOAD_API_KEY":
            return f"a {type(value).__name__}"
        if name == "HOPTOAD_NOTIFICATION_URL" and isinstance(value, str):
            value = messages.without_query(messages.without_credentials(value))
        return cut(messages.without_credentials_in_urls(self._masked(repr(value))), _MAX_VALUE, "…")

    def _masked(self, text: str) -> str:
        """Without the key: until there is a Settings object, `messages` does not know it."""
        if not self._key:
            return text
        with importing:
            from hoptoad.redaction.secrets import Known
        return messages.without_secrets(text, Known({self._key}))


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
    except (KeyError, validators.Malformed):
        return value


def _not_a_group(grouped: object) -> Iterator[Problem]:
    if not isinstance(grouped, Mapping):
        yield Problem(
            "hoptoad.E003",
            f"{GROUP} is a {type(grouped).__name__}: expected a dictionary of {PREFIX}… names.",
            f'Write {GROUP} = {{"HOPTOAD_API_KEY": "…"}}.',
        )


def _malformed(name: str, shown: str, wanted: str, row: "Field[Any]") -> Problem:
    example = row.metadata["example"]
    return Problem(
        "hoptoad.E002", f"{name} is {shown}: expected {wanted}.", f"For example: {name} = {example}"
    )


def _unknown(name: object, rows: Rows) -> Problem:
    wanted = str(name).upper().removeprefix(PREFIX)
    near = difflib.get_close_matches(wanted, [known.removeprefix(PREFIX) for known in rows], n=1)
    hint = f"Did you mean {PREFIX}{near[0]}?" if near else f"Remove it. Known: {', '.join(rows)}."
    return Problem("hoptoad.E001", f"{name} is not a setting of django-hoptoad.", hint)
