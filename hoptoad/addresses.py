"""IP addresses of people: whole, shortened until they name a network, or not at all."""

import ipaddress
import re
from collections.abc import Iterator

# REMOTE_ADDR of RFC 3875, Forwarded of RFC 7239, and what proxies and content networks send.
HEADERS = frozenset(
    "REMOTE_ADDR REMOTE_HOST HTTP_FORWARDED HTTP_X_FORWARDED HTTP_X_FORWARDED_FOR HTTP_FORWARDED_FOR"
    " HTTP_X_ORIGINAL_FORWARDED_FOR HTTP_X_REAL_IP HTTP_CLIENT_IP HTTP_X_CLIENT_IP HTTP_TRUE_CLIENT_IP"
    " HTTP_X_CLUSTER_CLIENT_IP HTTP_CF_CONNECTING_IP HTTP_CF_CONNECTING_IPV6 HTTP_FASTLY_CLIENT_IP"
    " HTTP_FLY_CLIENT_IP HTTP_X_APPENGINE_USER_IP HTTP_X_ENVOY_EXTERNAL_ADDRESS".split()
)
_CANDIDATE = re.compile(r"[0-9A-Fa-f:.]{3,45}")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


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
        return found
    prefix = 24 if address.version == 4 else 48
    return str(ipaddress.ip_network((address, prefix), strict=False).network_address) + port


def _parsed(found: str) -> "tuple[Address | None, str]":
    host, colon, port = found.rpartition(":")
    for text, rest in ((found, ""), (host, colon + port)):
        try:
            return ipaddress.ip_address(text), rest
        except ValueError:
            continue
    return None, ""
