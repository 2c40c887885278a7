"""Compares the redaction of `hoptoad_before`, a frozen copy, with today's, on generated failures.

The site uses both packages, so that both see the same request, exception or log record. What they send
is compared place by place. 20,000 cases, with a summary of all differences:

    for seed in 1 2; do
        HOPTOAD_COMPARED_CASES=10000 HOPTOAD_COMPARED_SEED=$seed \
            pytest tests/promises/test_old_and_new.py -s > compared-$seed.txt &
    done; wait

One case again: `HOPTOAD_COMPARED_ONLY=1/4711`.
"""

import json
import logging
import os
import random
import re
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import replace
from unittest import mock
from xml.etree import ElementTree

import hoptoad_before
import hoptoad_before.contextvalues
import hoptoad_before.hooks
import hoptoad_before.log
import hoptoad_before.pipeline
import staged
from generated import CARRIERS, PLAIN, ROOMY, Benign, Repeat, case, is_there, room_of, sound
from leaks import leaked, views
from secretkinds import ENCODINGS

import hoptoad
from hoptoad import hooks, log
from hoptoad.capture import context

CASES = int(os.environ.get("HOPTOAD_COMPARED_CASES", "200"))
SEED = os.environ.get("HOPTOAD_COMPARED_SEED", "1")
ONLY = os.environ.get("HOPTOAD_COMPARED_ONLY", "")
MASK = "*" * 20
SHOWN = 4  # examples of each kind of difference
ONE_LINE = ("header", "agent", "source", "argument")  # carriers that hold no line break
WRONG = ("secret let out", "harmless text lost", "notice lost")
MIDDLEWARE = [
    "hoptoad.middleware.HoptoadNotifierMiddleware",
    "hoptoad_before.middleware.HoptoadNotifierMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
IDENTITY = re.compile(r"(?i)notice_?id\b")  # of the notice: each package makes its own


class Both:
    """Calls both packages from one line, so that the stacks are the same."""

    def __init__(self, *parts):
        self._parts = parts

    def __getattr__(self, name):
        return lambda *args, **kwargs: [getattr(part, name)(*args, **kwargs) for part in self._parts]


class BothLogHandlers(logging.Handler):
    def __init__(self):
        super().__init__()
        self._handlers = (log.HoptoadHandler(), hoptoad_before.log.HoptoadHandler())

    def handle(self, record):
        for handler in self._handlers:
            handler.handle(record)


@contextmanager
def both_packages(sent_before):
    """The site of `staged` with both packages; the documents of the old one go to `sent_before`."""

    class Before:
        def enqueue(self, payload, timeout):
            sent_before.append(payload)

    with (
        mock.patch.object(hoptoad_before.pipeline, "get_handler", Before),
        mock.patch.object(staged, "hoptoad", Both(hoptoad, hoptoad_before)),
        mock.patch.object(staged, "hooks", Both(hooks, hoptoad_before.hooks)),
        mock.patch.object(staged, "context", Both(context, hoptoad_before.contextvalues)),
        mock.patch.object(staged, "HoptoadHandler", BothLogHandlers),
        mock.patch.dict(staged.FIXED, MIDDLEWARE=MIDDLEWARE),
    ):
        yield


def documents(made):
    """What the old package sends of a case, and what the new one."""
    before = []
    with both_packages(before):
        now = staged.run(made)
    return before, now


def compared_case(seed, number):
    """A generated case; every second one has its secrets and harmless texts at the bounds."""
    rng = random.Random(f"compared {seed}/{number}")
    made = case(seed, number)
    if number % 2:
        made = _at_bounds(made, rng)
    return _beyond_the_promise(made, rng) if is_beyond_the_promise(number) else made


def is_beyond_the_promise(number):
    """Whether secrets stand in the case that docs/privacy.rst leaves out: short ones, odd encodings."""
    return number % 4 == 2


def _beyond_the_promise(made, rng):
    carriers = [
        carrier
        for carrier in CARRIERS[made.entry]
        if is_there(carrier, made.body, {**PLAIN, **made.settings}) and carrier not in ONE_LINE
    ]
    repeats = [
        Repeat(plant.secret, rng.choice(list(ENCODINGS)), rng.choice(carriers), rng.choice([0, 0, 10, 400]))
        for plant in made.plants
        for _ in range(3)
    ]
    return replace(made, repeats=(*made.repeats, *repeats))


def _at_bounds(made, rng):
    settings = {
        **made.settings,
        **rng.choice(
            [
                {},
                {"HOPTOAD_MAX_TEXT": rng.choice([64, 100, 200, 500])},
                {"HOPTOAD_MAX_VARS": rng.randint(0, 60)},
                {"HOPTOAD_MAX_CHARS": rng.randint(1000, 6000)},
                {"HOPTOAD_MAX_DEPTH": rng.randint(1, 6)},
            ]
        ),
    }
    roomy = {**ROOMY, **settings}
    repeats = []
    for item in made.repeats:
        length = len(ENCODINGS[item.encoding](item.secret.value))
        repeats.append(replace(item, pad=max(0, room_of(item.carrier, roomy) - rng.randint(-8, length + 8))))
    filler = ()
    if "message" in CARRIERS[made.entry] and rng.random() < 0.5:
        filler = (Benign("." * max(1, room_of("message", roomy) - rng.randint(0, 80)), "message"),)
    return sound(replace(made, settings=settings, repeats=tuple(repeats), benign=(*filler, *made.benign)))


def places(document):
    """Each text of a document by its path; a path that comes again is numbered."""
    found = {}
    for path, text in _places(document):
        if IDENTITY.search(path):
            continue
        again = path
        while again in found:
            again += "'"
        found[again] = text
    return found


def _places(document):
    if document[:1] == b"<":
        yield from _elements(ElementTree.fromstring(document), "")
    else:
        yield from _items(json.loads(document), "")


def _elements(element, path):
    if element.tag == "api-key":
        return
    name = element.get("key", "")
    path += f"/{element.tag}[{name}]" if name else f"/{element.tag}"
    if element.text and element.text.strip():
        yield path, element.text
    for key, value in element.attrib.items():
        yield f"{path}@{key}", value
    for child in element:
        yield from _elements(child, path)


def _items(item, path):
    if isinstance(item, dict):
        for name, value in item.items():
            yield f"{path}/{name}@key", name
            yield from _items(value, f"{path}/{name}")
    elif isinstance(item, list):
        for index, value in enumerate(item):
            yield from _items(value, f"{path}/{index}")
    else:
        yield path, str(item)


def differences(made, before, now):
    """Yields (kind, explanation) of all that the two packages sent differently."""
    if len(before) != len(now):
        kind = "notice lost" if len(now) < len(before) else "notice more"
        yield kind, f"{len(before)} before, {len(now)} now"
    old = [places(document) for document in before]
    new = [places(document) for document in now]
    if old == new:
        return
    for one, other in zip(old, new):
        yield from _texts(one, other)
    yield from _judged(made, _all(old), _all(new))


def _all(documents):
    return list(dict.fromkeys(text for document in documents for text in document.values()))


def _judged(made, old, new):
    """What has become of the planted secrets and of the harmless texts.

    Only the texts of one side are decoded: what stands in both is no difference.
    """
    only_old, only_new = _views_of(set(old) - set(new)), _views_of(set(new) - set(old))
    for secret in dict.fromkeys(plant.secret for plant in made.plants):
        was, now_is = leaked(secret.cores, only_old), leaked(secret.cores, only_new)
        if now_is and not leaked(secret.cores, _views_of(old)):
            yield "secret let out", f"{secret.kind}: {now_is!r} of {secret.value!r}"
        elif was and not leaked(secret.cores, _views_of(new)):
            yield "secret masked now", f"{secret.kind}: {was!r} of {secret.value!r}"
    for item in made.benign:
        if not item.text.strip("."):
            continue  # the filler
        was, now_is = _stands(item.text, only_old), _stands(item.text, only_new)
        if was and not now_is and not _stands(item.text, _views_of(new)):
            yield "harmless text lost", f"{item.carrier}: {item.text!r}"
        elif now_is and not was and not _stands(item.text, _views_of(old)):
            yield "harmless text more", f"{item.carrier}: {item.text!r}"


def _views_of(texts):
    return views(json.dumps(sorted(texts)).encode()) if texts else []


def _stands(text, shown):
    return any(text in view for view in shown)


def _texts(old, new):
    for path in dict.fromkeys([*old, *new]):
        one, other = old.get(path), new.get(path)
        if one != other:
            yield _kind(one, other), f"{_short(path)}: {' -> '.join(map(_short, _around(one, other)))}"


def _around(one, other):
    """The two texts without most of what they begin and end with alike."""
    if one is None or other is None:
        return one, other
    shortest = min(len(one), len(other))
    start = next((n for n in range(shortest) if one[n] != other[n]), shortest)
    end = next((n for n in range(shortest - start) if one[-1 - n] != other[-1 - n]), shortest - start)
    start, end = max(0, start - 60), max(0, end - 60)
    return one[start : len(one) - end], other[start : len(other) - end]


def _kind(one, other):
    if other is None:
        return "place gone"
    if one is None:
        return "place new"
    if one.count(MASK) != other.count(MASK):
        return "masks more" if other.count(MASK) > one.count(MASK) else "masks less"
    if len(one) != len(other):
        return "shows more" if len(other) > len(one) else "shows less"
    return "shows other text"


def _short(text):
    shown = re.sub(r"\.{20,}", lambda dots: f"{len(dots[0])} dots", str(text))
    return shown if len(shown) <= 300 else f"{shown[:150]} [...] {shown[-140:]}"


def summary(found, cases):
    """The kinds of differences, how many cases and places have them, and some of them."""
    lines = [f"seed {SEED}: {cases} cases"]
    for kind, examples in sorted(found.items(), key=lambda item: (item[0] not in WRONG, -len(item[1]))):
        numbers = {number for number, _ in examples}
        lines.append(f"{kind}: {len(examples)} in {len(numbers)} cases")
        shown = {}
        for number, text in examples:  # of different cases rather than of one
            shown.setdefault(number, text)
        lines += [f"    {number}: {text}" for number, text in list(shown.items())[:SHOWN]]
    return "\n".join(lines)


def _wanted():
    if ONLY:
        seed, _, number = ONLY.partition("/")
        return [(seed, int(number))]
    return [(SEED, number) for number in range(CASES)]


def test_the_new_redaction_masks_what_the_old_one_masks_and_shows_what_it_shows():
    found, unsent = defaultdict(list), []
    for seed, number in _wanted():
        made = compared_case(seed, number)
        before, now = documents(made)
        if not before:
            unsent.append(number)
        for kind, text in differences(made, before, now):
            if is_beyond_the_promise(number):
                kind = f"beyond the promise, {kind}"
            found[kind].append((f"{seed}/{number}", text))

    told = summary(found, len(_wanted()))
    print(told)
    assert not unsent, f"the old package sent nothing of {unsent[:10]}"
    assert not {*found} & {*WRONG}, told
