"""IP addresses of people: whole, shortened until they name a network, or not at all."""

import ipaddress
from collections.abc import Iterator

from hoptoad.lazily import compiled

# REMOTE_ADDR and REMOTE_HOST of RFC 3875, Forwarded of RFC 7239, and what proxies and content networks
# send: X-Forwarded-For, X-Real-IP, CF-Connecting-IP, True-Client-IP, X-Azure-ClientIP, X-Remote-Addr.
_HEADER = compiled(
    r"(?:(?:^|_)(?:IP|IPV6|ADDR|ADDRESS|FORWARDED|FORWARDED_FOR|USER_IP)|CLIENTIP|REMOTE_HOST)$"
)
_CANDIDATE = compiled(r"[0-9A-Fa-f:.]{3,45}")
_LOOKS_LIKE_ONE = compiled(r"\d+\.\d+\.\d+\.\d+")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def holds_addresses(name: str) -> bool:
    """Whether a variable of this name tells where the browser is."""
    return _HEADER.search(name) is not None


def truncated(text: str) -> str:
    """`text` with each address cut to its network: /24 of version 4, /48 of version 6."""
    return _CANDIDATE.sub(lambda found: _network(found[0]), text)


def public(text: str) -> Iterator[str]:
    """The addresses in `text` that can be a person's."""
    for found in _CANDIDATE.findall(text):
        address, _ = _parsed(found)
        if address is not None and not address.is_loopback and not address.is_unspecified:
            yield str(address)
            yield found


def _network(found: str) -> str:
    address, port = _parsed(found)
    if address is None:
        return "unknown" if _LOOKS_LIKE_ONE.search(found) else found
    prefix = 24 if address.version == 4 else 48
    return str(ipaddress.ip_network((address, prefix), strict=False).network_address) + port


def _parsed(found: str) -> "tuple[Address | None, str]":
    found = found.rstrip(".")
    host, colon, port = found.rpartition(":")
    for text, rest in ((found, ""), (host, colon + port)):
        try:
            return ipaddress.ip_address(text), rest
        except ValueError:
            continue
    return None, ""
