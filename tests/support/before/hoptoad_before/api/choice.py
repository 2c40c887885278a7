"""Which API the settings name: version 2, version 3, or one of the site's own."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, cast

from hoptoad_before import messages
from hoptoad_before.conf import get_settings
from hoptoad_before.errors import ConfigurationError
from hoptoad_before.imports import imported, when_needed

if TYPE_CHECKING:
    from hoptoad_before.answers import Answer
    from hoptoad_before.notice import Notice

BUILT_IN_APIS = {"v2": "hoptoad_before.api.htv2", "v3": "hoptoad_before.api.v3"}


class Api(Protocol):
    """A module, an object or a class with static methods. `encode` must not block."""

    CONTENT_TYPE: str

    def encode(self, notice: "Notice") -> bytes:
        """The notice as bytes, which may wait on a disk or in a broker before they are reported."""

    def report(self, payload: bytes, timeout: float | None = None) -> Any:
        """Sends the bytes and returns a `hoptoad_before.answers.Answer`; anything else counts as accepted."""


def get_api() -> Api:
    """The API in force. Raises ConfigurationError where it cannot be found."""
    named = get_settings().api
    path = BUILT_IN_APIS.get(named, named)
    try:
        found = _found(path)
    # Whatever importing someone's module raises, the site must start with this one sentence.
    except Exception as error:
        raise ConfigurationError(
            _wrong(named, f"{type(error).__name__}: {messages.quoted(error)}")
        ) from error
    for name in ("encode", "report", "CONTENT_TYPE"):
        if not hasattr(found, name):
            raise ConfigurationError(_wrong(named, f"{found!r} has no {name}"))
    return cast(Api, found)


def encode(notice: "Notice") -> bytes:
    """The notice in the API in force."""
    return get_api().encode(notice)


def report(payload: bytes, timeout: float | None = None) -> "Answer":
    """Sends bytes by the API in force."""
    answers = when_needed("hoptoad_before.answers")  # late: the middleware imports this module
    answer = get_api().report(payload, timeout)
    if isinstance(answer, answers.Answer):
        return cast("Answer", answer)
    accepted: "Answer" = answers.Answer(verdict=answers.Verdict.ACCEPTED, url=get_settings().url)
    return accepted


@lru_cache(maxsize=8)
def _found(path: str) -> Any:
    try:
        return when_needed(path)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{path}.".startswith(f"{error.name}."):
            raise  # the module is there, and something it imports is not
        return imported(path)


def _wrong(named: str, why: str) -> str:
    return (
        f'HOPTOAD_API = {named!r} cannot be used ({why}). Give "v2", "v3", or the dotted path of a '
        "module or object with encode(notice), report(payload, timeout) and CONTENT_TYPE."
    )
