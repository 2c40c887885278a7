"""What a document must be: valid by the schema, and nothing that makes a server refuse or break."""

import json
import re
from pathlib import Path

import pytest
from lxml import etree

_SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).with_name("notice_2_4.xsd")))


def check_v2(document):
    """Asserts that Errbit and Airbrake would take `document`; returns its root element."""
    # No recovery, no huge_tree: Errbit's libxml2 refuses what only these would read.
    root = etree.fromstring(document, etree.XMLParser(resolve_entities=False))
    assert _SCHEMA.validate(root), _SCHEMA.error_log
    assert document.startswith(b"<?xml"), "no XML declaration"
    assert root.findtext("api-key").strip() == root.findtext("api-key") != ""
    assert root.findtext("error/message"), "Errbit answers 500 to an empty message"
    assert root.findtext("error/class")
    assert len(root.findtext("error/class")) <= 255
    assert root.findtext("server-environment/environment-name")
    for line in root.iter("line"):
        assert list(line.attrib) == ["number", "file", "method"], "Errbit's grouping needs this order"
        assert line.text is None
        assert line.get("number").isdigit()
        assert not set("<>") & set(line.get("file").rpartition("/")[0]), "Errbit writes it as HTML"
    for section in root.iterfind("request/*"):
        assert section.tag in ("url", "component") or len(section) or section.text
    for parent in (*root.iter("var"), *root.iterfind("request/*")):
        keys = [var.get("key") for var in parent.iterfind("var")]
        shown = [key.replace(".", "_") for key in keys]
        assert len(keys) == len(set(shown)), f"of keys that Errbit writes alike only the last is kept: {keys}"
        assert not any(key.startswith("$") for key in keys), "Errbit shows `&#36;` for it"
        assert not (keys and (parent.text or "").strip()), "text beside variables is lost"
    assert sum(1 for _ in root.iter("var")) <= 2100
    url = root.findtext("request/url")
    assert url is None or (url and url.isascii()), "Errbit shows an empty element as {}"
    assert root.findtext("current-user/id") != "", "Errbit shows an empty element as {}"
    return root


def as_errbit_keeps(element):
    """The nested data in a v2 section, with what Errbit does to keys; a list is an object with numbers."""
    if not len(element):
        return element.text or ""
    return {var.get("key").replace(".", "_"): as_errbit_keeps(var) for var in element}


_V3_CONTEXT = set(
    """notifier environment severity component action os hostname language version url userAgent userAddr
    rootDirectory user route httpMethod versions noticeId revision""".split()
)
_SEVERITIES = set("debug info notice warning error critical alert emergency".split())


def check_v3(body):
    """The document, where it keeps the rules of version 3: Airbrake's schema, and what breaks Errbit."""
    assert len(body) <= 64_000
    text = body.decode()
    assert not re.search("[\ud800-\udfff]", text)
    sent = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert set(sent) == {"errors", "context", "environment", "session", "params"}
    for error in sent["errors"]:
        assert set(error) == {"type", "message", "backtrace"}
        assert error["type"]
        assert isinstance(error["message"], str)
        for line in error["backtrace"]:
            assert {"file", "line", "function"} <= set(line) <= {"file", "line", "function", "code"}
            assert isinstance(line["line"], int)
    assert 1 <= len(sent["errors"]) <= 4
    context = sent["context"]
    assert set(context) <= _V3_CONTEXT
    assert set(context["notifier"]) == {"name", "version", "url"}
    assert context["severity"] in _SEVERITIES
    assert all(isinstance(value, str) for value in context.get("user", {}).values())
    for section in ("environment", "session", "params"):
        assert isinstance(sent[section], dict)
        _check_names(sent[section])
    return sent


def _check_names(value):
    if isinstance(value, dict):
        for name, item in value.items():
            assert "." not in name
            assert not name.startswith("$")
            assert "\x00" not in name
            _check_names(item)
    elif isinstance(value, list):
        for item in value:
            _check_names(item)
    else:
        assert isinstance(value, str)


def variables(notice, section):
    """A section of a notice as nested dictionaries."""
    return nested(notice.find(f"request/{section}"))


def nested(element):
    if element is None:
        return None
    return {var.get("key"): nested(var) if len(var) else var.text for var in element}
