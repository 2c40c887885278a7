"""The table of settings, and the tables of APIs, handlers and integrations that some of them name."""

import os
import re
from collections.abc import Callable, Container
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings as django_settings
from django.utils.functional import cached_property  # functools' has a lock that a fork may copy

from hoptoad.conf import code_validators, validators
from hoptoad.runtime import messages
from hoptoad.runtime.lifecycle import importing

if TYPE_CHECKING:
    from hoptoad.notice import Notice
    from hoptoad.redaction.patterns import Patterns
    from hoptoad.redaction.secrets import OwnSecrets


PREFIX = "HOPTOAD_"
GROUP = PREFIX + "SETTINGS"


class ApiRow(NamedTuple):
    """An API, and what checking the settings needs to know without importing its module."""

    module: str  # the dotted path of an `api.registry.Api`
    key: validators.Characters = validators.XML_CHARACTERS  # what HOPTOAD_API_KEY may contain
    needs: str = ""  # the setting that its default address is built from


class Integration(NamedTuple):
    """A module with `connect` and `disconnect`, for sites that use a package."""

    module: str
    packages: tuple[str, ...]  # the site uses it if one of these is imported,
    setting: str  # or if the name of one of its settings begins like this


# To add an API, add its module and a row: the name in HOPTOAD_API, and what it needs.
APIS = {
    "v2": ApiRow("hoptoad.api.htv2"),
    "v3": ApiRow("hoptoad.api.v3", key=validators.HEADER_CHARACTERS, needs="HOPTOAD_PROJECT_ID"),
    "sentry": ApiRow("hoptoad.api.sentry.wire", key=validators.HEADER_WORD, needs="HOPTOAD_DSN"),
}
# To add a handler, add its module and a row: the name in HOPTOAD_HANDLER, and the path of its class,
# which takes the keyword `fall_back`.
HANDLERS = {
    "threadpool": "hoptoad.handlers.threaded.ThreadedNotifier",
    "blocking": "hoptoad.handlers.blocking.BlockingNotifier",
    "spool": "hoptoad.handlers.spool.SpoolNotifier",
    "celery": "hoptoad.handlers.celery.CeleryNotifier",
    "tasks": "hoptoad.handlers.tasks.TasksNotifier",
    "mail": "hoptoad.handlers.mail.MailNotifier",
    "inbox": "hoptoad.inbox.handler.InboxNotifier",
    "memory": "hoptoad.handlers.memory.MemoryNotifier",
}
# Those that send to no server, so they need no key, and where their notices go.
WITHOUT_SERVER = {"inbox": "the inbox of this site", "mail": "ADMINS, by mail"}
# To add an integration, add its module and a row: the name in HOPTOAD_HOOKS, and who uses it. Names without a
# module are the hooks of Python itself, which `hoptoad.hooks` installs.
HOOKS: dict[str, Integration | None] = {
    "commands": None,
    "scripts": None,
    "threads": None,
    "unraisable": None,
    "asyncio": None,
    "celery": Integration("hoptoad.integrations.celery", ("celery",), "CELERY_"),
    "tasks": Integration("hoptoad.integrations.tasks", ("django.tasks", "django_tasks"), "TASKS"),
}
# Raised when a client disconnects.
DISCONNECTS = (
    "django.core.exceptions.RequestAborted",
    "django.http.UnreadablePostError",
    "asyncio.CancelledError",
    "BrokenPipeError",
)
# Finds the key in the YAML or JSON that Redmine's plug-ins take as HOPTOAD_API_KEY.
_KEY_INSIDE = re.compile(r"(?i)(?:key|token|secret|password)\w*[\"']?\s*[:=]\s*[\"']?([^\s\"',}]{5,})")


def _type_only(value: object) -> str:
    return "malformed" if isinstance(value, str) else f"a {type(value).__name__}"


def _without_credentials(value: object) -> str:
    if isinstance(value, str):
        value = messages.without_query(messages.without_credentials(value))
    return repr(value)


def _setting(
    default: Any, read: validators.Reader, example: str, *, show: Callable[[Any], str] = repr
) -> Any:
    """A row. `example` is Python for a hint; `show` is how an error shows a malformed value."""
    return field(default=default, metadata={"read": read, "example": example, "show": show})


class DjangoSettings(NamedTuple):
    """Settings of Django that a notice depends on, by their names in lower case."""

    append_slash: bool
    csrf_cookie_name: str
    data_upload_max_number_fields: int | None
    default_charset: str
    default_exception_reporter: str
    default_exception_reporter_filter: str
    internal_ips: Container[str]
    session_cookie_name: str
    use_x_forwarded_host: bool

    @classmethod
    def in_force(cls) -> "DjangoSettings":
        """As they are now. Asking Django for each with every failure costs more."""
        return cls(*[getattr(django_settings, name.upper()) for name in cls._fields])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Settings:
    """The settings in force: attribute `timeout` is `HOPTOAD_TIMEOUT`, and so on.

    To add a setting, add a row: its default, its validator, and an example that can be pasted.
    """

    api_key: str = _setting("", validators.text, '"0123456789abcdef0123456789abcdef"', show=_type_only)
    notification_url: str = _setting(
        "",
        validators.url,
        '"https://errbit.example.com/notifier_api/v2/notices"',
        show=_without_credentials,
    )
    dsn: str = _setting("", validators.dsn, '"https://key@bugs.example.com/1"', show=_type_only)
    api: str = _setting("v2", code_validators.api(APIS), '"v3"')
    project_id: str = _setting("", validators.project_id, '"113743"')
    use_ssl: bool = _setting(True, validators.switch, "True")
    no_ssl_fallback: bool = _setting(False, validators.switch, "False")
    timeout: float = _setting(validators.DEFAULT_TIMEOUT, validators.seconds, "5")

    env_name: str = _setting("unknown", validators.text, '"production"')
    app_version: str = _setting("", code_validators.version, '"1.4.2"')
    project_root: str = _setting("", validators.directory, "BASE_DIR")

    notify_500: bool = _setting(True, validators.switch, "True")
    notify_404: bool = _setting(False, validators.switch, "True")
    notify_403: bool = _setting(False, validators.switch, "True")
    notify_statuses: frozenset[int] = _setting(frozenset(), validators.statuses, "[400, 429]")
    notify_while_debug: bool = _setting(False, validators.switch, "True")
    ignore_agents: "tuple[re.Pattern[str], ...]" = _setting(
        (), validators.regular_expressions, '[r"(?i)bot", "^curl/"]'
    )
    ignore_exceptions: tuple[type[BaseException], ...] = _setting(
        DISCONNECTS,
        code_validators.exceptions,
        '["django.core.exceptions.RequestAborted", "BrokenPipeError"]',
    )

    ignore_urls: "tuple[re.Pattern[str], ...]" = _setting(
        (), validators.regular_expressions, '["^/healthz$"]'
    )
    broken_links_only: bool | str = _setting(False, validators.one_of(False, True, "internal"), "True")
    digest_404: float = _setting(600.0, validators.number(0, 86_400, "seconds"), "3600")

    protected_params: "tuple[str | re.Pattern[str], ...]" = _setting(
        (), validators.names, '["iban", "birthday"]'
    )
    patterns: "dict[str, bool | re.Pattern[str]]" = _setting(
        None, validators.patterns, '{"card": False, "member": "M-[0-9]{8}"}'
    )
    send_user: str | None = _setting("id", validators.one_of("id", "full", None), '"id"')
    send_ip: str | None = _setting("full", validators.one_of("full", "truncated", None), '"truncated"')
    local_variables: bool = _setting(False, validators.switch, "True")
    source_context: int = _setting(0, validators.count(0, 20), "3")
    before_notify: "tuple[Callable[[Notice], Notice | None], ...]" = _setting(
        (), code_validators.functions, '["shop.reporting.without_addresses"]'
    )

    hooks: tuple[str, ...] = _setting(tuple(HOOKS), code_validators.hooks(HOOKS), '["commands", "threads"]')
    trail: int = _setting(0, validators.count(0, 1000), "20")
    notice_id_header: str = _setting("", validators.header, '"X-Error-Id"')

    storm_limit: int = _setting(100, validators.count(0, 1_000_000), "100")
    storm_cache: str = _setting("", validators.cache, '"default"')
    sample_rate: float = _setting(1.0, validators.number(0, 1), "0.1")

    handler: str = _setting("", code_validators.handler(HANDLERS), '"threadpool"')
    fallback_handler: str = _setting("", code_validators.handler(HANDLERS), '"mail"')
    mail_html: bool = _setting(False, validators.switch, "True")
    handler_class: str = _setting("", validators.text, '"MyHandler"')
    thread_count: int = _setting(4, validators.count(1, 64), "4")
    queue_size: int = _setting(1000, validators.count(1, 1_000_000), "1000")
    retries: int = _setting(3, validators.count(0, 100), "3")
    flush_timeout: float = _setting(2.0, validators.seconds_or_zero, "2")

    spool_dir: str = _setting("", validators.absolute_directory, '"/var/spool/shop-errors"')
    spool_fsync: bool = _setting(False, validators.switch, "True")
    spool_max_mb: int = _setting(100, validators.count(1, 1_000_000), "100")
    spool_max_age: float = _setting(7.0, validators.number(0, 3650, "days"), "7")
    spool_keep_refused: float = _setting(7.0, validators.number(0, 3650, "days"), "7")

    inbox_database: str = _setting("", validators.text, '"errors"')
    inbox_url: str = _setting("", validators.url, '"https://shop.example"')
    inbox_max_age: float = _setting(90.0, validators.number(0, 3650, "days"), "90")

    max_frames: int = _setting(200, validators.count(2, 10_000), "200")
    max_vars: int = _setting(2000, validators.count(0, 100_000), "2000")
    max_text: int = _setting(2048, validators.count(64, 1_000_000), "2048")
    max_chars: int = _setting(200_000, validators.count(1000, 10_000_000), "200_000")
    max_depth: int = _setting(20, validators.count(1, 100), "20")
    short_class_names: bool = _setting(False, validators.switch, "True")
    gem_paths: bool = _setting(False, validators.switch, "True")

    django: DjangoSettings = field(default_factory=DjangoSettings.in_force)
    debug: bool = False
    testing: bool = False  # setup_test_environment() was called
    ignorable_404_urls: "tuple[re.Pattern[str], ...]" = ()
    ignorable_404_starts: tuple[str, ...] = ()
    ignorable_404_ends: tuple[str, ...] = ()

    @property
    def enabled(self) -> bool:
        """Whether failures are reported: there is a key, or a handler that needs none."""
        return bool(self.api_key) or self.handler in WITHOUT_SERVER

    @cached_property
    def patterns_in_force(self) -> "Patterns":
        """The patterns of secrets to mask in any text: the built-in ones, changed by HOPTOAD_PATTERNS."""
        with importing:
            from hoptoad.redaction import patterns
        return patterns.chosen(self.patterns)

    @cached_property
    def own_secrets(self) -> "OwnSecrets":
        """The site's own secrets, to mask wherever a text quotes them."""
        with importing:
            from hoptoad.redaction import names, policy, secrets
        is_secret = names.Names().rule
        in_url = [
            value for name, value in parse_qsl(urlsplit(self.notification_url).query) if is_secret(name)
        ]
        in_key = (self.api_key, " ".join(self.api_key.split()), *_KEY_INSIDE.findall(self.api_key))
        return secrets.OwnSecrets({*policy.own_secrets(all_settings(), os.environ), *in_key, *in_url})

    @cached_property
    def statuses(self) -> frozenset[int]:
        """The statuses that are reported: HOPTOAD_NOTIFY_STATUSES, _500, _404 and _403 together."""
        wanted = set(self.notify_statuses)
        if self.notify_500:
            wanted.update(range(500, 600))
        if self.notify_404:
            wanted.add(404)
        if self.notify_403:
            wanted.add(403)
        return frozenset(wanted)


# The settings' rows by their names with the prefix. The other fields of Settings are read from Django's.
ROWS = {PREFIX + row.name.upper(): row for row in fields(Settings) if row.metadata}


def all_settings() -> dict[str, Any]:
    """All of the site's settings by name, read without Django's deprecation warnings."""
    holder: Any = vars(django_settings)["_wrapped"]
    found: dict[str, Any] = {}
    while holder is not None:
        memory = vars(holder)
        found = {**{name: value for name, value in memory.items() if name.isupper()}, **found}
        holder = memory.get("default_settings")  # of override_settings and settings.configure
    return found
