"""IP addresses: whole, cut to their network, or absent."""

import pytest
from django.test import RequestFactory

from hoptoad.capture import build
from hoptoad.conf.loading import get_settings
from hoptoad.redaction.cutting import CUT, MASK
from hoptoad.redaction.ip_addresses import Addresses

FORWARDED = "203.0.113.7, [2001:db8:85a3:8d3:1319:8a2e:370:7348]:443, 198.51.100.17:8080"


def noticed():
    request = RequestFactory().get(
        "/?seen=203.0.113.7",
        headers={"X-Forwarded-For": FORWARDED, "X-Real-Ip": "203.0.113.7", "X-Note": "from 203.0.113.7"},
        REMOTE_ADDR="203.0.113.7",
    )
    error = ValueError("203.0.113.7 is blocked")
    return build.notice(build.incident(request, exception=error), get_settings())


def test_they_are_whole_by_default():
    data = noticed().request.cgi_data

    assert data["REMOTE_ADDR"] == "203.0.113.7"
    assert data["HTTP_X_FORWARDED_FOR"] == FORWARDED


def test_they_can_be_cut_to_their_network(settings_for):
    settings_for(HOPTOAD_SEND_IP="truncated")

    notice = noticed()

    data = notice.request.cgi_data
    assert data["REMOTE_ADDR"] == "203.0.113.0"
    assert data["HTTP_X_FORWARDED_FOR"] == "203.0.113.0, [2001:db8:85a3::]:443, 198.51.100.0:8080"
    assert notice.error.message == f"ValueError: {MASK} is blocked"
    assert "203.0.113.7" not in repr(notice)


def test_they_can_be_absent(settings_for):
    settings_for(HOPTOAD_SEND_IP=None)

    notice = noticed()

    assert not {"REMOTE_ADDR", "HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP"} & set(notice.request.cgi_data)
    assert "203.0.113" not in repr(notice)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("unknown", "unknown"),
        ("for=192.0.2.43;proto=http", "for=192.0.2.0;proto=http"),
        ('for="[2001:db8:cafe::17]:4711"', 'for="[2001:db8:cafe::]:4711"'),
        ("::ffff:192.0.2.1", "::"),
        ("999.1.2.3", "unknown"),
        ("203.0.113.7.", "203.0.113.0"),
        ("203.0.113.007", "unknown"),
        ("", ""),
    ],
)
def test_truncated(text, wanted):
    assert Addresses().truncated(text) == wanted


NAMED_OTHERWISE = {
    "X-Azure-SocketIP": "203.0.113.7",
    "X-Original-For": "203.0.113.7:51234",
    "CF-Pseudo-IPv4": "203.0.113.7",
    "X-Appengine-Client": "203.0.113.7, 198.51.100.17",
    "X-Peer": "[2001:db8:85a3:8d3::7348]:443, unknown",
    "X-Hops": 'for="[2001:db8:85a3:8d3::7348]:4711";proto=https, for=203.0.113.7',
}
NO_ADDRESSES_OF_PEOPLE = {
    "Host": "192.0.2.1:8000",
    "X-Forwarded-Host": "192.0.2.1",
    "X-App-Version": "1.2.3.4",
    "X-Note": "see 192.0.2.1",
    "X-Time": "12:30",
    "Accept-Encoding": "deflate",
    "X-Request-Id": "abcd:1234",
}


@pytest.mark.parametrize("wanted", ["truncated", None])
def test_headers_whose_whole_value_is_addresses_count_whatever_they_are_called(settings_for, wanted):
    settings_for(HOPTOAD_SEND_IP=wanted, ALLOWED_HOSTS=["*"])
    request = RequestFactory().get("/", headers={**NAMED_OTHERWISE, **NO_ADDRESSES_OF_PEOPLE})

    notice = build.notice(build.incident(request, exception=ValueError("x")), get_settings())

    data = notice.request.cgi_data
    assert "203.0.113.7" not in repr(notice)
    assert "8d3::7348" not in repr(notice)
    shown = {name: data.get(f"HTTP_{name.upper().replace('-', '_')}") for name in NO_ADDRESSES_OF_PEOPLE}
    assert shown == NO_ADDRESSES_OF_PEOPLE
    assert data.get("HTTP_X_AZURE_SOCKETIP") == ("203.0.113.0" if wanted else None)


def test_of_a_header_of_many_addresses_the_first_are_sent():
    assert Addresses().truncated(", ".join(["203.0.113.7"] * 5_000)) == ", ".join(["203.0.113.0"] * 20) + CUT
