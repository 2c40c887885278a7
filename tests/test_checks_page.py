"""The page on the system checks has every check of the code, with its message and its hint."""

import ast
import re
from collections import Counter
from pathlib import Path

from imports_of import modules

PAGE = (Path(__file__).parent.parent / "docs" / "checks.rst").read_text()


def texts():
    """The texts that modules give a name, by that name."""
    return {
        target.id: node.value.value
        for _, tree in modules()
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value.value, str)
    }


def template(node, named):
    """The text of an expression, with "…" for each value."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return named.get(node.id, "…")
    if isinstance(node, ast.FormattedValue):
        return template(node.value, named)
    if isinstance(node, ast.IfExp):  # the usual of two
        return template(node.orelse, named)
    if isinstance(node, ast.JoinedStr):
        return "".join(template(part, named) for part in node.values)
    return "…"


def parts(call):
    """The expressions for number, message and hint in the call of a check; None for another call."""
    if getattr(call.func, "id", "") == "Problem":
        return call.args
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if getattr(call.func, "attr", "") in ("Error", "Warning", "Info") and "id" in given:
        return given["id"], call.args[0], given.get("hint", ast.Constant(""))
    return None


def issued():
    """Each check's number, message and hint."""
    named = texts()
    calls = (node for _, tree in modules() for node in ast.walk(tree) if isinstance(node, ast.Call))
    for number, *said in filter(None, map(parts, calls)):
        if isinstance(number, ast.Constant):
            yield number.value, *(template(node, named) for node in said)


def documented():
    for number, entry in re.findall(r"^``(hoptoad\.\w\d+)``\n((?:    .*\n|\n(?=    ))+)", PAGE, re.MULTILINE):
        message = re.search(r"``([^`]+)``", entry)[1]
        hint = re.search(r"``HINT: ([^`]+)``", entry)
        yield number, _line(message), _line(hint[1]) if hint else ""


def _line(text):
    return " ".join(text.split())


def test_every_check_is_documented_with_its_message_and_its_hint():
    assert sorted(documented()) == sorted(issued())
    assert len(list(issued())) > 25


def test_every_check_has_a_number_of_its_own():
    counts = Counter(number for number, _, _ in issued())

    assert [number for number, count in counts.items() if count > 1] == []
