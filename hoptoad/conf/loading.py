"""Reads the settings: late, once, and again when Django says that one has changed."""

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver

from hoptoad.conf import validators
from hoptoad.conf.problems import GROUP, PREFIX, Problem, Report, differing
from hoptoad.errors import ConfigurationError
from hoptoad.runtime import messages

if TYPE_CHECKING:
    from hoptoad.redaction.secrets import Known

from hoptoad.conf.settings import Settings, all_settings

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
            "ignorable_404_urls": validators.regular_expressions(django_settings.IGNORABLE_404_URLS),
            # Gone from Django since 1.5, and still in many settings.
            "ignorable_404_starts": validators.strings(getattr(django_settings, "IGNORABLE_404_STARTS", ())),
            "ignorable_404_ends": validators.strings(getattr(django_settings, "IGNORABLE_404_ENDS", ())),
        }
    )


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
    module = sys.modules.get(all_settings().get("SETTINGS_MODULE") or "")
    file = getattr(module, "__file__", None)
    # manage.py startproject: settings.py lies one folder below the project's root.
    return str(Path(file).resolve().parent.parent) if file else ""


def _secrets() -> "Known | None":
    try:
        return get_settings().known_secrets
    except (ConfigurationError, ImproperlyConfigured):
        return None  # there is no key in force


messages.mask_secrets(_secrets)
