"""Which rooms of the package may import which, and that no modules import each other in a ring."""

from graphlib import TopologicalSorter

from imports_of import PACKAGE, edges, modules

# A room is a folder, or a module at the top. From the bottom: a room may import those that it names.
BASE = {"errors", "notice"}
MAY_IMPORT = {
    "errors": set(),
    "notice": set(),
    "redaction": {"notice"},
    "runtime": {"redaction"},
    "signals": {"runtime"},
    "conf": {*BASE, "redaction", "runtime"},
    "delivery": {*BASE, "runtime", "conf", "signals"},
    "capture": {*BASE, "redaction", "runtime", "conf"},
    "api": {*BASE, "runtime", "conf", "delivery"},
    "handlers": {*BASE, "runtime", "conf", "delivery", "api", "signals"},
    "reporting": {*BASE, "redaction", "runtime", "conf", "delivery", "api", "capture", "handlers"},
    "exceptional": set(),
    "inbox": {*BASE, "redaction", "runtime", "conf", "signals", "delivery", "api", "handlers"},
}
ISLANDS = {"exceptional", "inbox"}
STARTS = {("__main__", "inbox.alone.run")}  # a program of its own
# `generate_payload((request, status))` and the functions of `hoptoad` itself are of 2010.
UPWARDS = {("api.htv2", "capture.build"), ("api.htv2", "reporting.before_notify")}
FACES = {"", "__main__", "apps", "checks", "context_processors", "hooks", "log", "middleware", "testing"}
FACES |= {"integrations", "management"}
MAX_LINES = 320


def room(name):
    return name.partition(".")[0]


def ours():
    """The edges but for those to the package itself, a constant for all, and from its late functions."""
    return {(name, used) for name, used in edges() if name and used}


def test_every_room_has_its_place():
    assert {room(name) for name, _ in modules()} == FACES | set(MAY_IMPORT)


def test_a_room_imports_only_rooms_below_it():
    wrong = {
        (name, used)
        for name, used in ours()
        if room(name) != room(used) and room(name) not in FACES and room(used) not in MAY_IMPORT[room(name)]
    }

    assert wrong == UPWARDS


def test_nobody_imports_an_island():
    found = {(name, used) for name, used in ours() if room(used) in ISLANDS and room(used) != room(name)}

    assert found == STARTS


def test_there_is_no_ring():
    graph = {}
    for name, used in ours() - UPWARDS:
        graph.setdefault(name, set()).add(used)

    TopologicalSorter(graph).prepare()


def test_the_top_and_every_module_can_be_held_in_the_head():
    top = [path for path in PACKAGE.iterdir() if path.name != "__pycache__"]
    long = {path for path in PACKAGE.rglob("*.py") if path.read_text().count("\n") > MAX_LINES}

    assert sum(path.suffix == ".py" for path in top) <= 14
    assert sum(path.is_dir() for path in top) <= 12
    assert long == set()
