"""The settings: read late, checked once, frozen until Django says that one has changed."""

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.utils.functional import cached_property  # functools' has a lock that a fork may copy

from hoptoad_before import messages, shapes
from hoptoad_before.errors import ConfigurationError
from hoptoad_before.imports import when_needed
from hoptoad_before.lazily import compiled
from hoptoad_before.problems import GROUP, PREFIX, Problem, Report, differing

if TYPE_CHECKING:
    from hoptoad_before.masked import Known
    from hoptoad_before.notice import Notice
    from hoptoad_before.recognisers import Recognisers

DISCONNECTS = (
    "django.core.exceptions.RequestAborted",
    "django.http.UnreadablePostError",
    "asyncio.CancelledError",
    "BrokenPipeError",
)


# In the YAML or JSON that Redmine's plug-ins take for a key.
_KEY_INSIDE = compiled(r"(?i)(?:key|token|secret|password)\w*[\"']?\s*[:=]\s*[\"']?([^\s\"',}]{5,})")


def _setting(default: Any, read: shapes.Shape, example: str) -> Any:
    return field(default=default, metadata={"read": read, "example": example})


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Settings:
    """Every setting in force. Attribute `timeout` is `HOPTOAD_TIMEOUT`, and so on."""

    api_key: str = _setting("", shapes.text, '"0123456789abcdef0123456789abcdef"')
    notification_url: str = _setting("", shapes.url, '"https://errbit.example.com/notifier_api/v2/notices"')
    api: str = _setting("v2", shapes.api, '"v3"')
    project_id: str = _setting("", shapes.identity, '"113743"')
    use_ssl: bool = _setting(True, shapes.switch, "True")
    no_ssl_fallback: bool = _setting(False, shapes.switch, "False")
    timeout: float = _setting(shapes.DEFAULT_TIMEOUT, shapes.seconds, "5")

    env_name: str = _setting("unknown", shapes.text, '"production"')
    app_version: str = _setting("", shapes.version, '"1.4.2"')
    project_root: str = _setting("", shapes.directory, "BASE_DIR")

    notify_500: bool = _setting(True, shapes.switch, "True")
    notify_404: bool = _setting(False, shapes.switch, "True")
    notify_403: bool = _setting(False, shapes.switch, "True")
    notify_statuses: frozenset[int] = _setting(frozenset(), shapes.statuses, "[400, 429]")
    notify_while_debug: bool = _setting(False, shapes.switch, "True")
    ignore_agents: "tuple[re.Pattern[str], ...]" = _setting((), shapes.patterns, '[r"(?i)bot", "^curl/"]')
    ignore_exceptions: tuple[type[BaseException], ...] = _setting(
        DISCONNECTS, shapes.exceptions, '["django.core.exceptions.RequestAborted", "BrokenPipeError"]'
    )

    ignore_urls: "tuple[re.Pattern[str], ...]" = _setting((), shapes.patterns, '["^/healthz$"]')
    broken_links_only: bool | str = _setting(False, shapes.one_of(False, True, "internal"), "True")
    digest_404: float = _setting(600.0, shapes.window, "3600")

    protected_params: "tuple[str | re.Pattern[str], ...]" = _setting((), shapes.names, '["iban", "birthday"]')
    patterns: "dict[str, bool | re.Pattern[str]]" = _setting(
        None, shapes.recognisers, '{"card": False, "member": "M-[0-9]{8}"}'
    )
    send_user: str | None = _setting("id", shapes.one_of("id", "full", None), '"id"')
    send_ip: str | None = _setting("full", shapes.one_of("full", "truncated", None), '"truncated"')
    local_variables: bool = _setting(False, shapes.switch, "True")
    source_context: int = _setting(0, shapes.count(0, 20), "3")
    before_notify: "tuple[Callable[[Notice], Notice | None], ...]" = _setting(
        (), shapes.functions, '["shop.reporting.without_addresses"]'
    )

    hooks: tuple[str, ...] = _setting(shapes.HOOKS, shapes.hooks, '["commands", "threads"]')
    trail: int = _setting(0, shapes.count(0, 1000), "20")
    notice_id_header: str = _setting("", shapes.header, '"X-Error-Id"')

    storm_limit: int = _setting(100, shapes.count(0, 1_000_000), "100")
    storm_cache: str = _setting("", shapes.cache, '"default"')
    sample_rate: float = _setting(1.0, shapes.share, "0.1")

    handler: str = _setting("", shapes.handler, '"threadpool"')
    fallback_handler: str = _setting("", shapes.handler, '"mail"')
    mail_html: bool = _setting(False, shapes.switch, "True")
    handler_class: str = _setting("", shapes.text, '"MyHandler"')
    thread_count: int = _setting(4, shapes.count(1, 64), "4")
    queue_size: int = _setting(1000, shapes.count(1, 1_000_000), "1000")
    retries: int = _setting(3, shapes.count(0, 100), "3")
    flush_timeout: float = _setting(2.0, shapes.seconds_or_zero, "2")

    spool_dir: str = _setting("", shapes.absolute_directory, '"/var/spool/shop-errors"')
    spool_fsync: bool = _setting(False, shapes.switch, "True")
    spool_max_mb: int = _setting(100, shapes.count(1, 1_000_000), "100")
    spool_max_age: float = _setting(7.0, shapes.days, "7")
    spool_keep_refused: float = _setting(7.0, shapes.days, "7")

    max_frames: int = _setting(200, shapes.count(2, 10_000), "200")
    max_vars: int = _setting(2000, shapes.count(0, 100_000), "2000")
    max_text: int = _setting(2048, shapes.count(64, 1_000_000), "2048")
    max_chars: int = _setting(200_000, shapes.count(1000, 10_000_000), "200_000")
    max_depth: int = _setting(20, shapes.count(1, 100), "20")
    short_class_names: bool = _setting(False, shapes.switch, "True")
    gem_paths: bool = _setting(False, shapes.switch, "True")

    debug: bool = False
    testing: bool = False  # Django's test environment is set up
    append_slash: bool = True
    ignorable_404_urls: "tuple[re.Pattern[str], ...]" = ()
    ignorable_404_starts: tuple[str, ...] = ()
    ignorable_404_ends: tuple[str, ...] = ()

    @property
    def enabled(self) -> bool:
        """Whether there is a key to report with."""
        return bool(self.api_key)

    @cached_property
    def url(self) -> str:
        """Where notices go."""
        scheme = "https" if self.use_ssl else "http"
        path = f"api/v3/projects/{self.project_id}" if self.api == "v3" else "notifier_api/v2"
        return self.notification_url or f"{scheme}://api.airbrake.io/{path}/notices"

    @cached_property
    def revision(self) -> str:
        """The commit that runs; empty where that cannot be known."""
        return str(when_needed("hoptoad_before.revision").revision(self.project_root))

    @cached_property
    def recognisers(self) -> "Recognisers":
        """The shapes of secrets that are masked in any text."""
        found: Recognisers = when_needed("hoptoad_before.recognisers").chosen(self.patterns)
        return found

    @cached_property
    def known_secrets(self) -> "Known":
        """What is masked wherever it is quoted: the secrets of the site itself."""
        own = when_needed("hoptoad_before.ownsecrets").own_secrets(_all_settings(), os.environ)
        key = (self.api_key, " ".join(self.api_key.split()), *_KEY_INSIDE.findall(self.api_key))
        is_secret = when_needed("hoptoad_before.names").Names().rule
        query = parse_qsl(urlsplit(self.notification_url).query)
        in_url = [value for name, value in query if is_secret(name)]
        found: Known = when_needed("hoptoad_before.masked").Known({*own, *key, *in_url})
        return found

    @cached_property
    def statuses(self) -> frozenset[int]:
        """Every status whose answers are reported."""
        wanted = set(self.notify_statuses)
        if self.notify_500:
            wanted.update(range(500, 600))
        if self.notify_404:
            wanted.add(404)
        if self.notify_403:
            wanted.add(403)
        return frozenset(wanted)


_READERS = {PREFIX + f.name.upper(): f for f in fields(Settings) if f.metadata}
_cached: Settings | None = None


def get_settings() -> Settings:
    """The settings in force. Raises ConfigurationError that names everything malformed."""
    global _cached
    # Django's test runner changes these two without a signal.
    settings = _cached
    if settings is None or settings.debug != django_settings.DEBUG or settings.testing != _testing():
        settings = _cached = _load()
    return settings


def as_dict() -> dict[str, Any]:
    """Names with their prefix, as in a settings module, to the values in force."""
    settings = get_settings()
    return {name: getattr(settings, f.name) for name, f in _READERS.items()}


def problems() -> Iterator[Problem]:
    """Everything that keeps the settings from being used, in the order they are documented."""
    return Report(_given(), _READERS).problems(django_settings)


def contradictions() -> Iterator[str]:
    """Names given both in the dictionary and on their own, with different meanings."""
    return differing(_grouped(), django_settings, _READERS)


@receiver(setting_changed)
def _forget(**kwargs: Any) -> None:
    global _cached
    _cached = None


def _load() -> Settings:
    wrong = [f"{problem.text} {problem.hint}" for problem in problems()]
    if wrong:
        raise ConfigurationError(" ".join(wrong))
    given = _given()
    values = {
        setting.name: setting.metadata["read"](given.get(name, setting.default))
        for name, setting in _READERS.items()
    }
    return Settings(
        **{
            **values,
            "project_root": values["project_root"] or _project_root(),
            "env_name": values["env_name"] or "unknown",
            "handler": values["handler"] or ("memory" if _testing() else "threadpool"),
            "debug": django_settings.DEBUG,
            "testing": _testing(),
            "append_slash": django_settings.APPEND_SLASH,
            "ignorable_404_urls": shapes.patterns(django_settings.IGNORABLE_404_URLS),
            # Gone from Django since 1.5, and still in many settings.
            "ignorable_404_starts": shapes.strings(getattr(django_settings, "IGNORABLE_404_STARTS", ())),
            "ignorable_404_ends": shapes.strings(getattr(django_settings, "IGNORABLE_404_ENDS", ())),
        }
    )


def _all_settings() -> dict[str, Any]:
    """Every setting as it was given: asking for them by name warns of those that Django deprecates."""
    holder: Any = vars(django_settings)["_wrapped"]
    found: dict[str, Any] = {}
    while holder is not None:
        memory = vars(holder)
        found = {**{name: value for name, value in memory.items() if name.isupper()}, **found}
        holder = memory.get("default_settings")  # below override_settings and settings.configure
    return found


def _testing() -> bool:
    """Whether django.test.utils.setup_test_environment() is in force.

    Not by `mail.outbox`, as Django's own documentation has it: any locmem mail backend makes one.
    """
    module = sys.modules.get("django.test.utils")
    return hasattr(getattr(module, "_TestState", None), "saved_data")


def _grouped() -> dict[Any, Any]:
    grouped = getattr(django_settings, GROUP, {})
    return dict(grouped) if isinstance(grouped, Mapping) else {}


def _given() -> dict[Any, Any]:
    flat = {
        name: getattr(django_settings, name)
        for name in dir(django_settings)
        if name.startswith(PREFIX) and name != GROUP
    }
    return {**flat, **_grouped()}


def _project_root() -> str:
    root = getattr(django_settings, "BASE_DIR", None)
    if isinstance(root, (str, Path)):
        return os.fspath(root)
    # Not by getattr: override_settings answers None.
    module = sys.modules.get(_all_settings().get("SETTINGS_MODULE") or "")
    file = getattr(module, "__file__", None)
    # manage.py startproject: settings.py lies one folder below the project's root.
    return str(Path(file).resolve().parent.parent) if file else ""


def _secrets() -> "Known | None":
    try:
        return get_settings().known_secrets
    except (ConfigurationError, ImproperlyConfigured):
        return None  # there is no key in force


messages.keep_secret(_secrets)
