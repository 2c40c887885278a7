"""Redaction in small: one text or one dictionary through the whole pass, without a request."""

from hoptoad.capture.data import DataReader, Origin
from hoptoad.notice import ErrorInfo, Limits, Notice, Snapshot
from hoptoad.redaction.cutting import Room, hidden
from hoptoad.redaction.finders import Finder
from hoptoad.redaction.names import Names
from hoptoad.redaction.page import Page
from hoptoad.redaction.patterns import BUILT_IN, Patterns
from hoptoad.redaction.policy import Policy
from hoptoad.redaction.redact import redact
from hoptoad.redaction.secrets import OwnSecrets, Search, Secret, Values

POLICY = Policy(Names(), Patterns(BUILT_IN), OwnSecrets(()))


def policy(names=POLICY.names, patterns=POLICY.patterns, own=()):
    return Policy(names, patterns, OwnSecrets(own))


def in_text(text, kind="text", *, rules=POLICY):
    """A text without the secrets that it shows by itself."""
    return hidden(text, [(one.start, one.end) for one in _found(text, kind, rules)])


def _found(text, kind, rules):
    return Finder(rules.names, rules.patterns, {}, text).find(text, kind)


def values_in(text, kind="text", *, rules=POLICY):
    """The secrets that a text shows by itself, to be looked for elsewhere."""
    values = Values()
    for one in _found(text, kind, rules):
        values.add(Secret(one.value, "extra", one.name, one.rule, as_word=not one.is_named))
    return values


def values_of(*texts, name="password", as_word=True):
    """Secrets of a site."""
    values = Values()
    for text in texts:
        values.add(Secret(text, "params", name, "a rule", as_word=as_word))
    return values


def without(values, text, *, own=()):
    """The text without these values, in whatever encoding."""
    return hidden(text, spans(values, text, own=own))


def spans(values, text, *, own=()):
    hits = Search(Page([(text, "text", "", "")]), lambda _: None).hits(OwnSecrets(own), values)
    return [(hit.start, hit.end) for hit in hits]


def read(data, *, marked=None, names=POLICY.names, **room):
    """What is copied of nested data, and the reader that has hidden the rest."""
    reader = DataReader(names, marked or {})
    room = Room(**{"values": 1_000, "chars": 100_000, "text": 1_000, "depth": 20, **room})
    return reader.data(data, room, Origin("extra")), reader


def redacted(data, *, marked=None, rules=POLICY, **room):
    """Nested data as it is sent."""
    room = {"values": 1_000, "chars": 100_000, "text": 1_000, "depth": 20, **room}
    shown, reader = read(data, marked=marked, names=rules.names, **room)
    raw = Notice(id="1", error=ErrorInfo("E", "E"), extra={"data": shown})
    limits = Limits(text=room["text"], chars=room["chars"])
    snapshot = Snapshot(raw=raw, hidden=reader.hidden, limits=limits, marked=reader.marked)
    return redact(snapshot, rules).notice.extra["data"]
