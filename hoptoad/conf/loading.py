"""Reads the settings: at their first use, and again after Django has signalled a change."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver

from hoptoad.conf.problems import Problem, Reading, differing
from hoptoad.conf.settings import GROUP, PREFIX, ROWS, Settings, all_settings
from hoptoad.errors import ConfigurationError
from hoptoad.runtime import messages

if TYPE_CHECKING:
    from hoptoad.redaction.secrets import OwnSecrets

_cached: Settings | None = None


def get_settings() -> Settings:
    """The settings in force. Raises ConfigurationError, which names all that is malformed."""
    global _cached
    # Django's test runner changes these two without a signal.
    settings = _cached
    if settings is None or settings.debug != django_settings.DEBUG or settings.testing != _is_testing():
        settings = _cached = _load()
    return settings


def as_dict() -> dict[str, Any]:
    """The settings in force by their names with the prefix."""
    settings = get_settings()
    return {name: getattr(settings, row.name) for name, row in ROWS.items()}


def problems() -> list[Problem]:
    """What keeps the settings from being used, in the order in which they are documented."""
    return Reading(_given(), django_settings).problems


def given_twice() -> Iterator[str]:
    """The names that HOPTOAD_SETTINGS and a setting of their own give different meanings."""
    return differing(_grouped(), django_settings)


@receiver(setting_changed)
def _forget(**kwargs: Any) -> None:
    global _cached
    _cached = None


def _load() -> Settings:
    reading = Reading(_given(), django_settings)
    if reading.problems:
        raise ConfigurationError(" ".join(f"{problem.text} {problem.hint}" for problem in reading.problems))
    values = {row.name: reading.values[name] for name, row in ROWS.items()}
    values |= {name.lower(): value for name, value in reading.django_values.items()}
    testing = _is_testing()
    return Settings(
        **{
            **values,
            "project_root": values["project_root"] or _project_root(),
            "env_name": values["env_name"] or "unknown",
            "handler": values["handler"] or ("memory" if testing else "threadpool"),
            "debug": django_settings.DEBUG,
            "testing": testing,
        }
    )


def _is_testing() -> bool:
    """Whether django.test.utils.setup_test_environment() was called.

    Django's documentation suggests to look for `mail.outbox`, but every locmem mail backend creates one.
    """
    module = sys.modules.get("django.test.utils")
    return module is not None and hasattr(getattr(module, "_TestState", None), "saved_data")


def _grouped() -> dict[Any, Any]:
    grouped = getattr(django_settings, GROUP, {})
    return dict(grouped) if isinstance(grouped, Mapping) else {}


def _given() -> dict[Any, Any]:
    alone = {
        name: getattr(django_settings, name)
        for name in dir(django_settings)
        if name.startswith(PREFIX) and name != GROUP
    }
    return {**alone, **_grouped()}


def _project_root() -> str:
    root = getattr(django_settings, "BASE_DIR", None)
    if isinstance(root, (str, Path)):
        return os.fspath(root)
    # Not by getattr: under override_settings it returns None.
    module = sys.modules.get(all_settings().get("SETTINGS_MODULE") or "")
    file = getattr(module, "__file__", None)
    # In the layout of startproject, settings.py lies one folder below the project's root.
    return str(Path(file).resolve().parent.parent) if file else ""


def _secrets() -> "OwnSecrets | None":
    try:
        return get_settings().own_secrets
    except (ConfigurationError, ImproperlyConfigured):
        return None


messages.set_secrets_finder(_secrets)
