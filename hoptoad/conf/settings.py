"""The settings: read late, checked once, frozen until Django says that one has changed."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings as django_settings
from django.utils.functional import cached_property  # functools' has a lock that a fork may copy

from hoptoad.conf import validators
from hoptoad.runtime.lifecycle import when_needed

if TYPE_CHECKING:
    from hoptoad.notice import Notice
    from hoptoad.redaction.patterns import Recognisers
    from hoptoad.redaction.secrets import Known

DISCONNECTS = (
    "django.core.exceptions.RequestAborted",
    "django.http.UnreadablePostError",
    "asyncio.CancelledError",
    "BrokenPipeError",
)


# In the YAML or JSON that Redmine's plug-ins take for a key.
_KEY_INSIDE = re.compile(r"(?i)(?:key|token|secret|password)\w*[\"']?\s*[:=]\s*[\"']?([^\s\"',}]{5,})")


def _setting(default: Any, read: validators.Shape, example: str) -> Any:
    return field(default=default, metadata={"read": read, "example": example})


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Settings:
    """Every setting in force. Attribute `timeout` is `HOPTOAD_TIMEOUT`, and so on."""

    api_key: str = _setting("", validators.text, '"0123456789abcdef0123456789abcdef"')
    notification_url: str = _setting(
        "", validators.url, '"https://errbit.example.com/notifier_api/v2/notices"'
    )
    api: str = _setting("v2", validators.api, '"v3"')
    project_id: str = _setting("", validators.identity, '"113743"')
    use_ssl: bool = _setting(True, validators.switch, "True")
    no_ssl_fallback: bool = _setting(False, validators.switch, "False")
    timeout: float = _setting(validators.DEFAULT_TIMEOUT, validators.seconds, "5")

    env_name: str = _setting("unknown", validators.text, '"production"')
    app_version: str = _setting("", validators.version, '"1.4.2"')
    project_root: str = _setting("", validators.directory, "BASE_DIR")

    notify_500: bool = _setting(True, validators.switch, "True")
    notify_404: bool = _setting(False, validators.switch, "True")
    notify_403: bool = _setting(False, validators.switch, "True")
    notify_statuses: frozenset[int] = _setting(frozenset(), validators.statuses, "[400, 429]")
    notify_while_debug: bool = _setting(False, validators.switch, "True")
    ignore_agents: "tuple[re.Pattern[str], ...]" = _setting((), validators.patterns, '[r"(?i)bot", "^curl/"]')
    ignore_exceptions: tuple[type[BaseException], ...] = _setting(
        DISCONNECTS, validators.exceptions, '["django.core.exceptions.RequestAborted", "BrokenPipeError"]'
    )

    ignore_urls: "tuple[re.Pattern[str], ...]" = _setting((), validators.patterns, '["^/healthz$"]')
    broken_links_only: bool | str = _setting(False, validators.one_of(False, True, "internal"), "True")
    digest_404: float = _setting(600.0, validators.window, "3600")

    protected_params: "tuple[str | re.Pattern[str], ...]" = _setting(
        (), validators.names, '["iban", "birthday"]'
    )
    patterns: "dict[str, bool | re.Pattern[str]]" = _setting(
        None, validators.recognisers, '{"card": False, "member": "M-[0-9]{8}"}'
    )
    send_user: str | None = _setting("id", validators.one_of("id", "full", None), '"id"')
    send_ip: str | None = _setting("full", validators.one_of("full", "truncated", None), '"truncated"')
    local_variables: bool = _setting(False, validators.switch, "True")
    source_context: int = _setting(0, validators.count(0, 20), "3")
    before_notify: "tuple[Callable[[Notice], Notice | None], ...]" = _setting(
        (), validators.functions, '["shop.reporting.without_addresses"]'
    )

    hooks: tuple[str, ...] = _setting(validators.HOOKS, validators.hooks, '["commands", "threads"]')
    trail: int = _setting(0, validators.count(0, 1000), "20")
    notice_id_header: str = _setting("", validators.header, '"X-Error-Id"')

    storm_limit: int = _setting(100, validators.count(0, 1_000_000), "100")
    storm_cache: str = _setting("", validators.cache, '"default"')
    sample_rate: float = _setting(1.0, validators.share, "0.1")

    handler: str = _setting("", validators.handler, '"threadpool"')
    fallback_handler: str = _setting("", validators.handler, '"mail"')
    mail_html: bool = _setting(False, validators.switch, "True")
    handler_class: str = _setting("", validators.text, '"MyHandler"')
    thread_count: int = _setting(4, validators.count(1, 64), "4")
    queue_size: int = _setting(1000, validators.count(1, 1_000_000), "1000")
    retries: int = _setting(3, validators.count(0, 100), "3")
    flush_timeout: float = _setting(2.0, validators.seconds_or_zero, "2")

    spool_dir: str = _setting("", validators.absolute_directory, '"/var/spool/shop-errors"')
    spool_fsync: bool = _setting(False, validators.switch, "True")
    spool_max_mb: int = _setting(100, validators.count(1, 1_000_000), "100")
    spool_max_age: float = _setting(7.0, validators.days, "7")
    spool_keep_refused: float = _setting(7.0, validators.days, "7")

    inbox_database: str = _setting("", validators.text, '"errors"')
    inbox_max_age: float = _setting(90.0, validators.days, "90")

    max_frames: int = _setting(200, validators.count(2, 10_000), "200")
    max_vars: int = _setting(2000, validators.count(0, 100_000), "2000")
    max_text: int = _setting(2048, validators.count(64, 1_000_000), "2048")
    max_chars: int = _setting(200_000, validators.count(1000, 10_000_000), "200_000")
    max_depth: int = _setting(20, validators.count(1, 100), "20")
    short_class_names: bool = _setting(False, validators.switch, "True")
    gem_paths: bool = _setting(False, validators.switch, "True")

    debug: bool = False
    testing: bool = False  # Django's test environment is set up
    append_slash: bool = True
    ignorable_404_urls: "tuple[re.Pattern[str], ...]" = ()
    ignorable_404_starts: tuple[str, ...] = ()
    ignorable_404_ends: tuple[str, ...] = ()

    @property
    def enabled(self) -> bool:
        """Whether there is a key to report with; the inbox of the site itself needs none."""
        return bool(self.api_key) or self.handler == "inbox"

    @cached_property
    def url(self) -> str:
        """Where notices go."""
        scheme = "https" if self.use_ssl else "http"
        path = f"api/v3/projects/{self.project_id}" if self.api == "v3" else "notifier_api/v2"
        return self.notification_url or f"{scheme}://api.airbrake.io/{path}/notices"

    @cached_property
    def revision(self) -> str:
        """The commit that runs; empty where that cannot be known."""
        return str(when_needed("hoptoad.capture.server").revision(self.project_root))

    @cached_property
    def recognisers(self) -> "Recognisers":
        """The shapes of secrets that are masked in any text."""
        found: Recognisers = when_needed("hoptoad.redaction.patterns").chosen(self.patterns)
        return found

    @cached_property
    def known_secrets(self) -> "Known":
        """What is masked wherever it is quoted: the secrets of the site itself."""
        own = when_needed("hoptoad.redaction.policy").own_secrets(all_settings(), os.environ)
        key = (self.api_key, " ".join(self.api_key.split()), *_KEY_INSIDE.findall(self.api_key))
        is_secret = when_needed("hoptoad.redaction.names").Names().rule
        query = parse_qsl(urlsplit(self.notification_url).query)
        in_url = [value for name, value in query if is_secret(name)]
        found: Known = when_needed("hoptoad.redaction.secrets").Known({*own, *key, *in_url})
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


def all_settings() -> dict[str, Any]:
    """Every setting as it was given: asking for them by name warns of those that Django deprecates."""
    holder: Any = vars(django_settings)["_wrapped"]
    found: dict[str, Any] = {}
    while holder is not None:
        memory = vars(holder)
        found = {**{name: value for name, value in memory.items() if name.isupper()}, **found}
        holder = memory.get("default_settings")  # below override_settings and settings.configure
    return found
