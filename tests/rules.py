"""What a v2 document must be: valid by the schema, and nothing that makes a server refuse or break."""

from pathlib import Path

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
        assert len(keys) == len(set(keys)), f"of repeated keys only the last is kept: {keys}"
        assert not (keys and (parent.text or "").strip()), "text beside variables is lost"
    assert sum(1 for _ in root.iter("var")) <= 2100
    url = root.findtext("request/url")
    assert url is None or url.isascii()
    return root
