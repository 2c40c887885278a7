"""What an event of Sentry's must be: of the types that no server drops in silence, and within its limits."""

import json
import re

import pytest

_NAME = re.compile(r"[a-zA-Z0-9_.:-]{1,32}")
_STRINGS = ("event_id", "platform", "level", "logger", "transaction", "server_name", "release", "environment")
_OBJECTS = (
    "user",
    "request",
    "tags",
    "contexts",
    "extra",
    "sdk",
    "exception",
    "logentry",
    "breadcrumbs",
    "threads",
)
_LONGEST = {"logger": 64, "transaction": 200, "server_name": 255, "release": 200, "environment": 64}
_MAX_BYTES = 1024 * 1024


def check_envelope(received):
    """The event in an envelope that a collector received; asserts that Sentry and Bugsink would take both."""
    headers, body = received.headers, received.document
    auth = re.fullmatch(
        r"Sentry sentry_version=7, sentry_client=django-hoptoad/[^,\s]+, sentry_key=([^,\s]+)",
        headers["X-Sentry-Auth"],
    )
    assert headers["Content-Type"] == "application/x-sentry-envelope"
    assert "Authorization" not in headers
    assert auth[1].encode() not in body, "the key is in the document"
    header, item, rest = body.split(b"\n", 2)
    told = json.loads(header)
    assert set(told) == {"event_id", "sent_at"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", told["sent_at"])
    told_item = json.loads(item)
    assert told_item == {"type": "event", "length": len(rest) - 1}
    assert rest.endswith(b"\n")
    event = check_event(rest[:-1])
    assert event["event_id"] == told["event_id"]
    return event


def event_in(document):
    """The event in an envelope; any other document as it is."""
    return document.split(b"\n", 2)[2].rstrip(b"\n") if document[:12] == b'{"event_id":' else document


def check_event(document):
    """The event, where it keeps the rules."""
    assert len(document) < _MAX_BYTES
    text = document.decode()
    assert not re.search("[\x00-\x1f\ud800-\udfff]", text), "JSON in one line, without lone surrogates"
    event = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    _check_no_nulls(event)
    assert set(event) <= {*_STRINGS, *_OBJECTS, "timestamp"}
    assert {"event_id", "timestamp", "platform", "level", "environment", "sdk"} <= set(event)
    assert re.fullmatch("[0-9a-f]{32}", event["event_id"])
    assert isinstance(event["timestamp"], float)
    assert 0 < event["timestamp"] < 1e10
    for name in _STRINGS:
        assert isinstance(event.get(name, "x"), str), name
        assert 0 < len(event.get(name, "x")) <= _LONGEST.get(name, 200), name
    for name in _OBJECTS:
        assert isinstance(event.get(name, {}), dict), name
        assert event.get(name) != {}, f"{name} is empty, and was to be left out"
    assert event["platform"] == "python"
    assert event["level"] in ("fatal", "error", "warning", "info", "debug")
    assert not re.search(r"[\n\t/\\]", event.get("release", ""))
    assert event.get("release") not in (".", "..", "latest", " ")
    assert not re.search(r"[\s/]", event["environment"])
    assert event["environment"] != "None"
    assert set(event["sdk"]) == {"name", "version"}
    assert ("exception" in event) != ("logentry" in event), "one of the two"
    _check_data(event)
    if "exception" in event:
        _check_exceptions(event["exception"]["values"])
    else:
        _check_message(event)
    return event


def _check_data(event):
    tags = event.get("tags", {})
    assert len(tags) <= 100
    for name, text in tags.items():
        assert _NAME.fullmatch(name)
        assert isinstance(text, str)
        assert 0 < len(text) <= 200
        assert "\n" not in text
    user = event.get("user", {})
    assert set(user) <= {"id", "username", "email", "name", "ip_address"}
    assert all(isinstance(text, str) for text in user.values())
    request = event.get("request", {})
    assert set(request) <= {"url", "method", "query_string", "headers", "env", "data", "[cut]"}
    assert "?" not in request.get("url", "")
    assert "Cookies" not in request
    assert all(isinstance(request.get(name, {}), dict) for name in ("headers", "env", "data"))
    headers = request.get("headers", {})
    assert not any(name.startswith("HTTP_") for name in headers)
    assert all(isinstance(text, str) for text in headers.values())
    assert all(isinstance(context, dict) for context in event.get("contexts", {}).values())
    for crumb in event.get("breadcrumbs", {"values": []})["values"]:
        assert set(crumb) <= {"type", "timestamp", "level", "category", "message"}
        assert isinstance(crumb["timestamp"], float)
        assert crumb["timestamp"] <= event["timestamp"] + 0.001
        assert crumb["level"] in ("fatal", "error", "warning", "info", "debug")


def _check_exceptions(values):
    assert values
    ids = [item["mechanism"]["exception_id"] for item in values]
    assert ids == list(range(len(values)))[::-1], "the oldest first, the failure last"
    for item in values:
        assert set(item) <= {"type", "module", "value", "mechanism", "stacktrace"}
        assert isinstance(item["type"], str)
        assert item["type"]
        assert isinstance(item["value"], str)
        assert len(item["value"]) <= 8192
        mechanism = item["mechanism"]
        assert set(mechanism) <= {
            "type",
            "exception_id",
            "parent_id",
            "source",
            "is_exception_group",
            "data",
        }
        is_cause = mechanism["exception_id"] > 0
        assert ("parent_id" in mechanism) == ("source" in mechanism) == is_cause
        if is_cause:
            assert mechanism["type"] == "chained"
            assert 0 <= mechanism["parent_id"] < mechanism["exception_id"]
            assert re.fullmatch(r"__cause__|__context__|exceptions\[\d+\]", mechanism["source"])
        if "stacktrace" in item:
            _check_frames(item["stacktrace"])


def _check_message(event):
    assert set(event["logentry"]) == {"message", "formatted"}
    assert all(isinstance(text, str) and len(text) <= 8192 for text in event["logentry"].values())
    for thread in event.get("threads", {"values": []})["values"]:
        assert thread["crashed"] is thread["current"] is True
        _check_frames(thread["stacktrace"])


def _check_frames(stacktrace):
    assert set(stacktrace) == {"frames"}
    assert stacktrace["frames"]
    for frame in stacktrace["frames"]:
        assert {"filename", "abs_path", "function", "in_app"} <= set(frame)
        assert isinstance(frame["in_app"], bool)
        assert frame["in_app"] == frame["abs_path"].startswith("[PROJECT_ROOT]/")
        assert frame.get("lineno", 1) >= 1
        assert isinstance(frame.get("vars", {}), dict)
        assert ("pre_context" in frame) == ("context_line" in frame) == ("post_context" in frame)


def _check_no_nulls(value):
    assert value is not None
    if isinstance(value, dict):
        for item in value.values():
            _check_no_nulls(item)
    elif isinstance(value, list):
        for item in value:
            _check_no_nulls(item)
