"""Runs Django's own tests without django-hoptoad and with it, and compares.

usage: python tests/django_suite [LABEL ...] [--source ARCHIVE]

The tests are those of the installed Django, from its source distribution, which pip downloads: every
module that makes requests, or the LABELs of Django's runtests.py. In the second run our middleware is
first in every chain of middleware that a test builds, and reports all it sees to a server in this process.

Fails where a test passes without us and not with us, where a notice is invalid, and where we log a warning.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import django

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "support"))

from collector import Collector  # noqa: E402
from rules import check_v2  # noqa: E402

from hoptoad.api.parsers import parse  # noqa: E402

MAKES_REQUESTS = re.compile(
    r"self\.(async_)?client\b|\b(Async)?Client\(|(Base|Client|WSGI|ASGI)Handler\("
    r"|get_[aw]sgi_application\(|LiveServer"
)
# These need another database, or make their requests in processes of their own.
LEFT_OUT = {"gis_tests", "postgres_tests", "admin_scripts", "project_template", "test_runner_apps"}
# These change how Django's tests treat warnings, or send notices to a proxy.
NOT_PASSED_ON = {"PYTHONDEVMODE", "PYTHONWARNINGS", "HTTP_PROXY", "http_proxy", "DJANGO_SETTINGS_MODULE"}


@dataclass
class Outcome:
    """How one run of the tests ended: the dotted names of what did not pass, and what we logged."""

    tests: int
    chains: int
    failed: list
    skipped: list
    logged: list

    @property
    def not_passed(self):
        return {*self.failed, *self.skipped}


def main():
    parser = argparse.ArgumentParser(prog="python tests/django_suite", description=__doc__.partition("\n")[0])
    parser.add_argument("labels", metavar="LABEL", nargs="*", help="of Django's runtests.py")
    parser.add_argument("--source", metavar="ARCHIVE", type=Path, help="Django's source distribution")
    arguments = parser.parse_args()
    collector = Collector()
    try:
        with tempfile.TemporaryDirectory(prefix="django-suite-") as folder:
            suite = Suite(Path(folder), arguments.source or download(Path(folder)), collector)
            problems = suite.compare(arguments.labels or suite.request_modules())
    finally:
        collector.close()
    problems += invalid(collector.received)
    if not collector.received:
        problems.append("No notice was sent.")
    print(f"{len(collector.received)} notices, {len(problems)} problems")
    if problems:
        sys.exit("\n\n".join(problems))


def download(folder):
    """Django's source distribution, of the version that is installed. Exits where it cannot be had."""
    wanted = f"Django=={django.get_version()}"
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary=Django"]
    done = subprocess.run([*pip, "--dest", folder, wanted], capture_output=True, text=True)
    if done.returncode == 0:
        [archive] = folder.glob("*.tar.gz")
        return archive
    # What pip says where an index does not answer; one that answers has versions.
    if "from versions: none" in done.stderr and "CI" not in os.environ:
        print(f"Skipped: the package index, which has the tests of {wanted}, cannot be reached.")
        sys.exit(0)
    sys.exit(f"pip could not download the source of {wanted}:\n{done.stderr}")


class Suite:
    """Django's tests, unpacked once for each run: they write beside themselves, and the runs are parallel."""

    def __init__(self, folder, archive, collector):
        self._url = collector.url
        self._without, self._with = (unpacked(archive, folder / name) for name in ("without", "with"))

    def request_modules(self):
        """Labels of the modules that make requests, such as `auth_tests.test_views`."""
        modules = [path.relative_to(self._with) for path in sorted(self._with.rglob("test*.py"))]
        return [
            ".".join(module.with_suffix("").parts)
            for module in modules
            if len(module.parts) > 1
            and module.parts[0] not in LEFT_OUT
            and MAKES_REQUESTS.search((self._with / module).read_text(encoding="utf-8"))
        ]

    def compare(self, labels):
        """What is wrong with us, as sentences. A difference counts where it is there again in a second run."""
        start = time.monotonic()
        without_us, with_us = self._run(labels)
        new = with_us.not_passed - without_us.not_passed
        logged = with_us.logged
        if new:
            print("Once more, for they passed without us only:", *sorted(new), sep="\n    ")
            again = [label for label in labels if any(is_part(test, label) for test in new)]
            second_without_us, second_with_us = self._run(again)
            new &= second_with_us.not_passed - second_without_us.not_passed
            logged = logged + second_with_us.logged
        problems = [f"Passes without us only: {test}" for test in sorted(new)]
        problems += [f"We logged: {line}" for line in logged]
        if without_us.tests != with_us.tests:
            problems.append(f"{without_us.tests} tests ran without us, and {with_us.tests} with us.")
        if not (with_us.tests and with_us.chains):
            problems.append(f"{with_us.tests} tests ran, with us in {with_us.chains} chains of middleware.")
        print(
            f"Django {django.get_version()}: {with_us.tests} tests of {len(labels)} modules, twice, "
            f"in {time.monotonic() - start:.0f} s; our middleware in {with_us.chains} chains; without us "
            f"{len(without_us.failed)} fail: {', '.join(without_us.failed) or 'none'}"
        )
        return problems

    def _run(self, labels):
        """The outcomes of both runs, without us and with us."""
        runs = [self._start(self._without, labels), self._start(self._with, labels, self._url)]
        return [finished(*run) for run in runs]

    def _start(self, tests, labels, url=None):
        environment = {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON}
        result = tests / "result.json"
        result.unlink(missing_ok=True)
        environment.update(PYTHONPATH=str(HERE), HOPTOAD_SUITE_RESULT=str(result))
        if url:
            environment["HOPTOAD_SUITE_URL"] = url
        command = [sys.executable, "runtests.py", "--settings=suite_settings", "--parallel=1", "--noinput"]
        output = tests / "output.txt"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [*command, *labels], cwd=tests, env=environment, stdout=file, stderr=subprocess.STDOUT
            )
        return process, result, output


def unpacked(archive, folder):
    """Django's tests from its source distribution; Django itself is the installed one."""
    with tarfile.open(archive) as tar:
        members = [member for member in tar if member.name.split("/")[1:2] == ["tests"]]
        tar.extractall(folder, members, filter="data")
    [tests] = folder.glob("*/tests")
    return tests


def finished(process, result, output):
    """The outcome of a run. Exits where there is none, with what the run said."""
    process.wait()
    if not result.exists():
        sys.exit(f"Django's tests did not come to their end:\n{output.read_text(errors='replace')[-5000:]}")
    return Outcome(**json.loads(result.read_text()))


def is_part(test, label):
    """Whether `test` is part of what `label` names. `setUpClass (a.tests.Case)` is part of a.tests."""
    return re.search(rf"\b{re.escape(label)}\b", test) is not None


def invalid(received):
    """What is wrong with the notices, as sentences."""
    problems = []
    for notice in received:
        try:
            check_v2(notice.body)
            parse(notice.body)
        except Exception as error:
            problems.append(f"Invalid, {error!r}:\n{notice.body.decode(errors='replace')[:2000]}")
    return problems


main()
