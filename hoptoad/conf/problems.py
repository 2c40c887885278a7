"""Finds the problems of the settings, for `manage.py check` and for the error that stops the start."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hoptoad.conf import validators
from hoptoad.conf.dsn import parse_dsn
from hoptoad.conf.settings import APIS, GROUP, PREFIX, ROWS, ApiRow
from hoptoad.conf.validators import Malformed
from hoptoad.redaction.cutting import cut
from hoptoad.runtime import messages
from hoptoad.runtime.lifecycle import importing

NO_KEY = "HOPTOAD_API_KEY is not set: nothing is reported."
KEY_EXAMPLE = 'HOPTOAD_SETTINGS = {"HOPTOAD_API_KEY": "the key on your project\'s page"}'
_MAX_VALUE = 120  # characters
_MAX_TEXT = 2000
_SITES_OWN_API = ApiRow(module="")
# Django's own. STARTS and ENDS left Django with 1.5, and many sites still have them.
_DJANGO_ROWS = {
    "IGNORABLE_404_URLS": (validators.regular_expressions, r'[re.compile(r"^/favicon\.ico$")]'),
    "IGNORABLE_404_STARTS": (validators.strings, '["/cgi-bin/"]'),
    "IGNORABLE_404_ENDS": (validators.strings, '["favicon.ico", ".php"]'),
}


@dataclass(slots=True, eq=False)
class Problem:
    """One problem of the settings. `id` is that of the system check, such as "hoptoad.E001"."""

    id: str
    text: str
    hint: str


class Reading:
    """Reads the settings by their validators.

    `values` are those in force by their names, `django_values` those of Django that we read; malformed ones
    are left out. `problems` keep the settings from being used, in the order in which they are documented.
    """

    def __init__(self, given: Mapping[Any, Any], django_settings: Any) -> None:
        from_dsn = _from_dsn(given.get("HOPTOAD_DSN"))
        keys = (given.get("HOPTOAD_API_KEY"), from_dsn.get("HOPTOAD_API_KEY"))
        self._keys = {key.strip() for key in keys if isinstance(key, str) and key.strip()}
        self.values: dict[str, Any] = {}
        self.django_values: dict[str, Any] = {}
        found = [
            *_not_a_group(getattr(django_settings, GROUP, {})),
            *_unknown_names(given),
            *self._read({**given, **from_dsn}),
            *_unlike_dsn(given, from_dsn),
            *_contradictions(self.values),
            *self._read_django(django_settings),
        ]
        self.problems = [Problem(problem.id, self._safe(problem.text), problem.hint) for problem in found]

    def _read(self, given: Mapping[Any, Any]) -> Iterator[Problem]:
        for name, row in ROWS.items():
            value = given.get(name, row.default)
            try:
                self.values[name] = row.metadata["read"](value)
            except Malformed as wanted:
                yield _malformed(name, self._shown(row.metadata["show"](value)), str(wanted))

    def _read_django(self, django_settings: Any) -> Iterator[Problem]:
        for name, (read, example) in _DJANGO_ROWS.items():
            value = getattr(django_settings, name, ())
            try:
                self.django_values[name] = read(value)
            except Malformed as wanted:
                yield Problem(
                    "hoptoad.E005",
                    f"{name} is {self._shown(repr(value))}: expected {wanted}.",
                    f"For example: {name} = {example}",
                )

    def _shown(self, text: str) -> str:
        return cut(messages.without_credentials_in_urls(self._masked(text)), _MAX_VALUE, "…")

    def _safe(self, text: str) -> str:
        return messages.one_line(self._masked(text), _MAX_TEXT)

    def _masked(self, text: str) -> str:
        """The text without the key. `messages` learns the key only from settings that are in force."""
        if not self._keys:
            return text
        with importing:
            from hoptoad.redaction.secrets import OwnSecrets
        return messages.without_secrets(text, OwnSecrets(self._keys))


def differing(grouped: Mapping[Any, Any], django_settings: Any) -> Iterator[str]:
    """The names that HOPTOAD_SETTINGS and a setting of their own give different meanings."""
    missing = object()
    for name, value in grouped.items():
        alone = getattr(django_settings, str(name), missing)
        if alone is not missing and _meaning(name, alone) != _meaning(name, value):
            yield str(name)


def _meaning(name: Any, value: Any) -> Any:
    try:
        return ROWS[name].metadata["read"](value)
    except (KeyError, Malformed):
        return value


def _not_a_group(grouped: object) -> Iterator[Problem]:
    if not isinstance(grouped, Mapping):
        yield Problem(
            "hoptoad.E003",
            f"{GROUP} is a {type(grouped).__name__}: expected a dictionary of {PREFIX}… names.",
            f'For example: {GROUP} = {{"HOPTOAD_API_KEY": "…"}}',
        )


def _unknown_names(given: Mapping[Any, Any]) -> Iterator[Problem]:
    for name in given:
        if name not in ROWS:
            wanted = str(name).upper().removeprefix(PREFIX)
            near = difflib.get_close_matches(wanted, [known.removeprefix(PREFIX) for known in ROWS], n=1)
            all_names = f"Remove it. The settings are {', '.join(ROWS)}."
            hint = f"Did you mean {PREFIX}{near[0]}?" if near else all_names
            yield Problem("hoptoad.E001", f"{name} is not a setting of django-hoptoad.", hint)


def _from_dsn(given: object) -> dict[str, str]:
    """The settings that a DSN stands for; none without a DSN, or with a malformed one."""
    try:
        dsn = parse_dsn(validators.text(given))
    except (Malformed, ValueError):
        return {}
    return {"HOPTOAD_API": "sentry", "HOPTOAD_API_KEY": dsn.key, "HOPTOAD_NOTIFICATION_URL": dsn.url}


def _unlike_dsn(given: Mapping[Any, Any], from_dsn: Mapping[str, str]) -> Iterator[Problem]:
    for name, value in from_dsn.items():
        if given.get(name) and _meaning(name, given[name]) not in ("", value):
            yield Problem(
                "hoptoad.E008",
                f"{name} and HOPTOAD_DSN contradict each other.",
                f"Remove {name}, or HOPTOAD_DSN, which stands for {', '.join(from_dsn)}.",
            )


def _contradictions(values: Mapping[str, Any]) -> Iterator[Problem]:
    """Rules between settings. They look at the values that were read, and pass those that are malformed."""
    api = values.get("HOPTOAD_API")
    row = APIS.get(str(api), _SITES_OWN_API)
    if wrong := row.key.forbidden.search(values.get("HOPTOAD_API_KEY", "")):
        yield _malformed("HOPTOAD_API_KEY", f"a string with {wrong[0]!a}", row.key.wanted)
    uses_spool = "spool" in (values.get("HOPTOAD_HANDLER"), values.get("HOPTOAD_FALLBACK_HANDLER"))
    if uses_spool and values.get("HOPTOAD_SPOOL_DIR") == "":
        yield Problem(
            "hoptoad.E006",
            'The handler "spool" needs a directory, and HOPTOAD_SPOOL_DIR is not set.',
            f"For example: HOPTOAD_SPOOL_DIR = {_example('HOPTOAD_SPOOL_DIR')}",
        )
    if row.needs and values.get(row.needs) == "" and values.get("HOPTOAD_NOTIFICATION_URL") == "":
        yield Problem(
            "hoptoad.E007",
            f'HOPTOAD_API is "{api}", and its address needs {row.needs}, which is not set.',
            f"For example: {row.needs} = {_example(row.needs)}, or the whole HOPTOAD_NOTIFICATION_URL.",
        )


def _malformed(name: str, shown: str, wanted: str) -> Problem:
    return Problem(
        "hoptoad.E002", f"{name} is {shown}: expected {wanted}.", f"For example: {name} = {_example(name)}"
    )


def _example(name: str) -> str:
    return str(ROWS[name].metadata["example"])
