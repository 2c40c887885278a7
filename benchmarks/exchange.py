"""What one exchange over a kept-alive connection takes of the processor.

usage: python benchmarks/exchange.py [EXCHANGES]

EXCHANGES (2,000) with a server in a process of its own on 127.0.0.1, by turns: the bytes alone over a
socket, `http.client`, a connection of urllib3 without its pool, `requests`, and django-hoptoad's `post`.
Microseconds of this thread: the median of turns of 50, the fastest turn, and the ratio of these to
`http.client`. The processor's pace varies, so that only figures of one run can be compared.
"""

import http.client
import os
import socket
import statistics
import sys
import time
from pathlib import Path

from control import counting_server

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path[:0] = [str(TESTS / "site"), str(TESTS / "support")]
TARGET = "/notifier_api/v2/notices"
BODY = b"<notice>" + b"x" * 8000 + b"</notice>"
HEADERS = {"Content-Type": "text/xml", "Accept": "text/xml, application/xml"}
TURN = 50


def ways(port):
    """Functions that post once, by name."""
    import requests
    import urllib3

    from hoptoad.delivery import transport

    url = f"http://127.0.0.1:{port}{TARGET}"
    raw = socket.create_connection(("127.0.0.1", port))
    plain = http.client.HTTPConnection("127.0.0.1", port)
    unpooled = urllib3.connection.HTTPConnection("127.0.0.1", port)
    session = requests.Session()
    head = f"POST {TARGET} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BODY)}\r\n\r\n".encode()

    def send_bytes():
        raw.sendall(head + BODY)
        assert raw.recv(65536).startswith(b"HTTP/1.1 200")

    def by_http_client():
        plain.request("POST", TARGET, BODY, HEADERS)
        plain.getresponse().read()

    def by_urllib3():
        unpooled.request("POST", TARGET, BODY, HEADERS, preload_content=False)
        unpooled.getresponse().read()

    def by_requests():
        assert session.post(url, BODY, headers=HEADERS, timeout=5).ok

    def by_hoptoad():
        assert transport.post(url, BODY, headers=HEADERS, timeout=5).status == 200

    return {
        "bytes": send_bytes,
        "http.client": by_http_client,
        "urllib3, no pool": by_urllib3,
        "requests": by_requests,
        "hoptoad": by_hoptoad,
    }


def main(exchanges):
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
    django.setup()
    with counting_server() as ports:
        posts = ways(ports["http"])
        times = {name: [] for name in posts}
        for turn in range(-1, max(1, exchanges // TURN)):
            for name, post in posts.items():
                start = time.thread_time()
                for _ in range(TURN):
                    post()
                if turn >= 0:  # the first opens the connections
                    times[name].append((time.thread_time() - start) / TURN * 1e6)
    print(f"{'':<17} {'median':>9} {'ratio':>6} {'fastest':>9} {'ratio':>6}")
    for name, found in times.items():
        figures = ((measure(found), measure(times["http.client"])) for measure in (statistics.median, min))
        print(f"{name:<17}", *(f"{own:>6.0f} µs {own / other:>6.2f}" for own, other in figures))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
