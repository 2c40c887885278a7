"""Promise 3, attacked by whole failing requests that nobody has thought of.

A few hundred of them in the ordinary run. More of them, or others:

    HOPTOAD_GENERATED_CASES=10000 pytest tests/promises/test_generated_requests.py
    HOPTOAD_GENERATED_SEED=7 pytest tests/promises/test_generated_requests.py
"""

import os
from dataclasses import replace

from generated import ROOMY, case, room_of, sound
from leaks import leaked, views
from staged import run

CASES = int(os.environ.get("HOPTOAD_GENERATED_CASES", "200"))
SHOWN = 3  # of many that fail
SEED = os.environ.get("HOPTOAD_GENERATED_SEED", "1")


def faults(made):
    """What is wrong with what was sent of a case: secrets that were seen, harmless texts that were not."""
    documents = run(made)
    if not documents:
        return ["nothing was sent"]
    shown = [view for document in documents for view in views(document)]
    seen = [
        f"{secret.kind} seen: {part!r} of {secret.value!r}"
        for secret in dict.fromkeys(plant.secret for plant in made.plants)
        if (part := leaked(secret.cores, shown))
    ]
    lost = [
        f"lost from {carrier}: {text!r}"
        for text, carrier in kept(made)
        if not any(text in view for view in shown)
    ]
    return seen + lost


def kept(made):
    """The harmless texts that no bound takes."""
    settings = {**ROOMY, **made.settings}
    tight = {name for name, roomy in ROOMY.items() if settings[name] < roomy} - {"HOPTOAD_MAX_TEXT"}
    ends = {}
    for item in made.benign:
        end = ends[item.carrier] = ends.get(item.carrier, 60) + 3 * len(item.text) + 1
        is_last = item.carrier == "log argument"  # stands behind a message that may fill its text
        if not tight and not is_last and end < room_of(item.carrier, settings):
            yield item.text, item.carrier


def smallest(made, is_faulty):
    """The case without all that it does not take."""
    changed = True
    while changed:
        changed = False
        for smaller in map(sound, _smaller(made)):
            if smaller != made and is_faulty(smaller):
                made, changed = smaller, True
                break
    return made


def _smaller(made):
    for name in ("repeats", "benign", "plants"):
        items = getattr(made, name)
        for index in range(len(items)):
            yield replace(made, **{name: items[:index] + items[index + 1 :]})
    for name in made.settings:
        yield replace(
            made, settings={other: value for other, value in made.settings.items() if other != name}
        )
    for name, value in (("entry", "view"), ("interface", "wsgi"), ("body", "form"), ("error", "ValueError")):
        if getattr(made, name) != value:
            yield replace(made, **{name: value})
    for index, item in enumerate(made.repeats):
        if item.pad:
            simpler = replace(item, pad=0)
            yield replace(made, repeats=(*made.repeats[:index], simpler, *made.repeats[index + 1 :]))


def kinds(found):
    return {text.partition(":")[0] for text in found}


def report(faulty):
    """Each fault, and of the first the smallest cases that show them."""
    lines = [f"seed {SEED}: {len(faulty)} of {CASES} cases"]
    for number, found in faulty.items():
        lines.append(f"case {number}: {'; '.join(found)}")
        if len(lines) <= 2 * SHOWN:
            wanted = kinds(found)
            small = smallest(case(SEED, number), lambda other: wanted & kinds(faults(other)))  # noqa: B023
            lines.append(f"    {faults(small)} with {small}")
    return "\n".join(lines)


def test_no_secret_leaves_and_no_harmless_text_is_lost():
    faulty = {}
    for number in range(CASES):
        if found := faults(case(SEED, number)):
            faulty[number] = found

    assert not faulty, report(faulty)


AS_EVENT = {
    "HOPTOAD_API": "sentry",
    "HOPTOAD_NOTIFICATION_URL": "https://bugs.example.com/api/1/envelope/",
}


def test_nor_as_events_of_sentrys():
    faulty = {}
    for number in range(CASES // 4):
        made = case(SEED, number)
        as_event = replace(made, settings={**made.settings, **AS_EVENT})
        if found := faults(as_event):
            faulty[number] = found

    assert not faulty, faulty
