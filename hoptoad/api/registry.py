"""Finds the API that HOPTOAD_API names: a row of APIS, or a module or object of the site's own."""

import importlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, cast

from hoptoad.conf.loading import get_settings
from hoptoad.conf.settings import APIS, WITHOUT_SERVER, Settings
from hoptoad.errors import ConfigurationError
from hoptoad.runtime import messages
from hoptoad.runtime.lifecycle import imported, importing

if TYPE_CHECKING:
    from hoptoad.delivery.answer import Answer
    from hoptoad.notice import Notice

    # Takes `environment`, `username`, `repository`, `revision` and `version`, as far as they are known.
    Deploy = Callable[[Settings, Mapping[str, str]], Answer]


class Api(Protocol):
    """A module, an object or a class with static methods. `encode` must not block.

    It may also have `default_url(settings)`, the address for sites without HOPTOAD_NOTIFICATION_URL, and
    `deploy(settings, deployment)`, which announces a deployment and returns the server's answer.
    """

    CONTENT_TYPE: str

    def encode(self, notice: "Notice") -> bytes:
        """The notice as bytes, which may wait on a disk or in a broker before they are reported."""

    def report(self, payload: bytes, timeout: float | None = None) -> Any:
        """Sends the bytes. Returns a `hoptoad.delivery.answer.Answer`; anything else counts as accepted."""


def get_api() -> Api:
    """The API in force. Raises ConfigurationError if it cannot be imported or is incomplete."""
    return _get(get_settings().api)


def encode(notice: "Notice") -> bytes:
    """The notice in the API in force."""
    return get_api().encode(notice)


def report(payload: bytes, timeout: float | None = None) -> "Answer":
    """Sends the bytes by the API in force."""
    with importing:
        from hoptoad.delivery.answer import Answer, Verdict
    answer = get_api().report(payload, timeout)
    if isinstance(answer, Answer):
        return answer
    return Answer(verdict=Verdict.ACCEPTED, url=url_of(get_settings()))


def destination_of(settings: Settings) -> str:
    """Where notices go, in one printable line: the address of the server, or "the inbox of this site"."""
    return WITHOUT_SERVER.get(settings.handler) or messages.safe_url(url_of(settings))


def url_of(settings: Settings) -> str:
    """The address that notices are sent to."""
    return settings.notification_url or str(_default_url_of(settings)(settings))


def deploy_of(settings: Settings) -> "Deploy | None":
    """The API's function that announces a deployment, or None."""
    return getattr(_get(settings.api), "deploy", None)


def _default_url_of(settings: Settings) -> Callable[[Settings], str]:
    with importing:  # late: the middleware imports this module
        from hoptoad.api import airbrake
    return getattr(_get(settings.api), "default_url", airbrake.notices_v2)


def _get(named: str) -> Api:
    try:
        found = _import(APIS[named].module if named in APIS else named)
    # Whatever importing a site's module raises, the start must fail with this one sentence.
    except Exception as error:
        why = f"{type(error).__name__}: {messages.safe_line(error)}"
        raise ConfigurationError(_not_usable(named, why)) from error
    for name in ("encode", "report", "CONTENT_TYPE"):
        if not hasattr(found, name):
            raise ConfigurationError(_not_usable(named, f"{found!r} has no {name}"))
    return cast(Api, found)


@lru_cache(maxsize=8)
def _import(path: str) -> Any:
    try:
        with importing:
            return importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{path}.".startswith(f"{error.name}."):
            raise  # the module exists; one that it imports does not
        return imported(path)


def _not_usable(named: str, why: str) -> str:
    known = ", ".join(f'"{name}"' for name in APIS)
    return (
        f"HOPTOAD_API is {named!r}: expected {known}, or the dotted path of a module or object with "
        f"encode(notice), report(payload, timeout) and CONTENT_TYPE, but {why}."
    )
