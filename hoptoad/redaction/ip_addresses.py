"""IP addresses of people in headers: removed, or truncated to their network (HOPTOAD_SEND_IP)."""

import ipaddress
import re
from collections.abc import Iterator

from hoptoad.redaction.cutting import CUT

# REMOTE_ADDR and REMOTE_HOST of RFC 3875, Forwarded of RFC 7239, and what proxies and content networks
# send: X-Forwarded-For, X-Real-IP, CF-Connecting-IP, True-Client-IP, X-Azure-ClientIP, X-Remote-Addr.
# Any other header counts where addresses are its whole value, but for hosts and versions (1.2.3.4).
_HEADER = re.compile(
    r"(?:(?:^|_)(?:IP|IPV6|ADDR|ADDRESS|FORWARDED|FORWARDED_FOR|USER_IP)|CLIENTIP|REMOTE_HOST)$"
)
_NOT_OF_PEOPLE = re.compile(r"HOST|SERVER|VERSION|_VER$")
_BETWEEN = re.compile(
    r"(?:[\s,;\"'\[\]]|\b(?:for|by)=|\bproto=\w{1,9}|\bunknown\b|:\d{1,5}|%\w{1,20})*", re.IGNORECASE
)
_MAX_ADDRESSES = 20  # of one header; what follows them is not sent
_MAX_LOOKED_AT = 500  # of one request
_CANDIDATE = re.compile(r"[0-9A-Fa-f:.]{3,45}")
_LOOKS_LIKE_ONE = re.compile(r"\d+\.\d+\.\d+\.\d+")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Addresses:
    """The addresses in the headers of one request, of which a bounded number is looked at."""

    def __init__(self) -> None:
        self._left = _MAX_LOOKED_AT

    def are_in(self, name: str, value: str) -> bool:
        """Whether a header holds addresses of the client, by its name or by its whole value."""
        if _HEADER.search(name) is not None:
            return True
        return not _NOT_OF_PEOPLE.search(name) and self._is_all_of(value)

    def truncated(self, text: str) -> str:
        """`text` with each address cut to its network: /24 of version 4, /48 of version 6."""
        shown, done = "", 0
        for found in self._candidates(text):
            if found is None:
                return f"{shown}{CUT}"
            shown += text[done : found.start()] + _network(found[0])
            done = found.end()
        return shown + text[done:]

    def public(self, text: str) -> Iterator[str]:
        """The addresses in `text` that can be a person's."""
        for candidate in self._candidates(text):
            if candidate is None:
                return
            found = candidate[0]
            address, _ = _parsed(found)
            if address is not None and not address.is_loopback and not address.is_unspecified:
                yield str(address)
                yield found

    def _candidates(self, text: str) -> "Iterator[re.Match[str] | None]":
        """The text if it may be an address. None once the limit is reached."""
        for number, found in enumerate(_CANDIDATE.finditer(text)):
            self._left -= 1
            if number >= _MAX_ADDRESSES or self._left < 0:
                yield None
                return
            yield found

    def _is_all_of(self, value: str) -> bool:
        done, are_there = 0, False
        for found in self._candidates(value):
            if found is None:
                return are_there
            if _parsed(found[0])[0] is not None:
                if not _BETWEEN.fullmatch(value, done, found.start()):
                    return False
                done, are_there = found.end(), True
        return are_there and _BETWEEN.fullmatch(value, done) is not None


def _network(found: str) -> str:
    address, port = _parsed(found)
    if address is None:
        return "unknown" if _LOOKS_LIKE_ONE.search(found) else found
    rest = 32 - 24 if address.version == 4 else 128 - 48
    return str(type(address)(int(address) >> rest << rest)) + port


def _parsed(found: str) -> "tuple[Address | None, str]":
    found = found.rstrip(".")
    host, colon, port = found.rpartition(":")
    for text, rest in ((found, ""), (host, colon + port)):
        try:
            return ipaddress.ip_address(text), rest
        except ValueError:
            continue
    return None, ""
