"""The Python samples of the documentation run, and the names of this library in them exist."""

import ast
import builtins
import inspect
import pkgutil
import re
import textwrap
from pathlib import Path

import pytest

import hoptoad

ROOT = Path(__file__).parent.parent
PAGES = [*sorted((ROOT / "docs").glob("*.rst")), ROOT / "README.rst"]
SAMPLES = [
    pytest.param(textwrap.dedent(block), id=f"{page.stem} {number}")
    for page in PAGES
    for number, block in enumerate(
        re.findall(r"code-block:: python\n\n((?:(?: {4,}.*)?\n)+)", page.read_text())
    )
]


class Anything:
    """A name of the reader's own site."""

    def __getattr__(self, name):
        return Anything()

    def __call__(self, *args, **kwargs):
        return Anything()

    def __setitem__(self, key, value):
        pass

    def __iadd__(self, other):
        return self

    __truediv__ = __call__


class Names(dict):
    """The names of a module, those of the reader's site among them."""

    def __missing__(self, name):
        if hasattr(builtins, name):
            raise KeyError(name)
        return Anything()


@pytest.mark.parametrize("sample", SAMPLES)
def test_samples_run(sample, reported):
    exec(compile(sample, "<docs>", "exec"), {"__name__": "site_of_the_reader"}, Names())


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_dotted_paths_in_samples_exist(sample):
    texts = [node.value for node in ast.walk(ast.parse(sample)) if isinstance(node, ast.Constant)]

    for text in texts:
        if isinstance(text, str) and re.fullmatch(r"hoptoad(\.\w+)+", text):
            pkgutil.resolve_name(text)


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_calls_in_samples_have_arguments_that_exist(sample):
    calls = [node for node in ast.walk(ast.parse(sample)) if isinstance(node, ast.Call)]

    for call in calls:
        name = ast.unparse(call.func)
        if re.fullmatch(r"hoptoad\.\w+", name) and name != "hoptoad.context":
            given = {keyword.arg: None for keyword in call.keywords}
            inspect.signature(getattr(hoptoad, name[8:])).bind(*call.args, **given)
