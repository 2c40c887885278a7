"""The example of the documentation, run with every integration."""

import os
import subprocess
import sys
from pathlib import Path

from rules import check_v2

EXAMPLE = Path(__file__).parent.parent / "docs" / "example"


def test_every_integration_of_the_example_reports_once(collector):
    done = subprocess.run(
        [sys.executable, "manage.py", "walk", "--password", "never-sent-4"],
        cwd=EXAMPLE,
        env={
            **{name: value for name, value in os.environ.items() if "SETTINGS" not in name},
            "HOPTOAD_URL": collector.url,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    notices = [check_v2(received.body) for received in collector.received]
    reported = sorted(
        (notice.findtext("request/component"), notice.findtext("error/message")) for notice in notices
    )
    assert done.returncode == 1
    assert reported == [
        ("asgi", "ValueError: the frog hung up"),
        ("asyncio", "ValueError: nobody waited for the frog"),
        ("celery", "ValueError: croaked 3 times"),
        ("frogs.pond", "the pond of %s is dry"),
        ("frogs.urls", "ValueError: the frog fell short"),
        ("frogs.urls.Feed", "ValueError: 2 flies are too many"),
        ("import", "KeyError: 'tadpole'"),
        ("management", "ValueError: the walk is over"),
        ("tasks", "ValueError: no pond for the spawn"),
        ("thread", "ValueError: leapt in a thread"),
        ("unknown", "a frog was counted twice"),
        ("unraisable", "ValueError: gone before it was seen"),
    ]
    assert b"never-sent" not in b"".join(received.body for received in collector.received)
    [jump] = [n for n in notices if n.findtext("error/message") == "ValueError: the frog fell short"]
    [extra] = jump.iterfind("request/cgi-data/var[@key='EXTRA']")
    assert extra.findtext("var[@key='pond']") == "north"
    assert "INFO frogs.pond: the frog jumps" in extra.findtext("var[@key='trail']/var[@key='0']")
    number = jump.findtext("request/cgi-data/var[@key='HOPTOAD_NOTICE_ID']")
    assert f"Tell us this number: {number}" in done.stdout
