"""Runs: each figure in a fresh process, the subjects taking turns, so that a busy moment hits them all."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from pace import TOLERANCE, pace

HERE = Path(__file__).resolve().parent
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "LD_LIBRARY_PATH")
_LONGEST = 400  # seconds


@dataclass
class Bench:
    """`subjects` are those that are installed; `ports` those of the counting server."""

    subjects: list
    ports: dict
    bytecode: str  # a folder: the sources stay as they are, and are compiled once
    quick: bool = False
    repeat: int = 0
    fastest: float = field(default_factory=lambda: min(pace() for _ in range(5_000)))

    def repetitions(self, usual):
        return self.repeat or (1 if self.quick else usual)

    def rounds(self, question, names, usual, options=None, tries=1):
        """The results of every name, one for each round; None where a process failed.

        `options` is called with a name and its results so far, and returns more for the task.
        """
        results = {name: [] for name in names}
        for turn in range(self.repetitions(usual)):
            first = turn % len(names)
            for name in [*names[first:], *names[:first]]:
                print(f"{question}: round {turn + 1}, {name}", file=sys.stderr, flush=True)
                more = options(name, results[name]) if options else {}
                results[name].append(self.run(question, name, tries, **more))
        return results

    def run(self, question, name, tries=1, **more):
        """What `question.measure` returns in a process of its own: the one of several that was disturbed
        least, where one alone cannot tell when it was disturbed.
        """
        best = None
        for _ in range(1 if self.quick else tries):
            result = self._run(question, name, more)
            if result is None:
                break
            if result.get("notices", 0) != result.get("sent", 0):
                return result  # a loss counts, whatever the pace
            self.fastest = min(self.fastest, result["fastest"])
            if best is None or result["pace"] < best["pace"]:
                best = result
            if result["pace"] <= self.fastest * TOLERANCE:
                break
        return best

    def _run(self, question, name, more):
        environment = {key: os.environ[key] for key in _KEPT if key in os.environ}
        environment["PYTHONPYCACHEPREFIX"] = self.bytecode
        with tempfile.TemporaryDirectory() as folder:
            task = {
                "question": question,
                "name": name,
                "quick": self.quick,
                "fastest": self.fastest,
                "places": {**self.ports, "folder": folder, "root": str(HERE)},
                **more,
            }
            with open(Path(folder) / "stderr", "w+", encoding="utf-8") as errors:
                try:
                    process = subprocess.run(
                        [sys.executable, str(HERE), "--task", json.dumps(task)],
                        cwd=HERE,
                        env=environment,
                        stdout=subprocess.PIPE,
                        stderr=errors,
                        text=True,
                        timeout=_LONGEST,
                        check=True,
                    )
                except subprocess.SubprocessError as error:
                    errors.seek(0)
                    print(f"{name}: {type(error).__name__}\n{errors.read()[-2000:]}", file=sys.stderr)
                    return None
            return json.loads(process.stdout.splitlines()[-1])


def figures(results, key):
    """One figure of every run that succeeded."""
    return [result[key] for result in results if result is not None]


def added(results, floor, key):
    """What a subject adds to the floor of the same round."""
    pairs = zip(results, floor, strict=True)
    return [one[key] - other[key] for one, other in pairs if one is not None and other is not None]


def arrived(results):
    """How many notices arrived, and whether that were all, in every run."""
    if not results or None in results:
        return "a run failed", False
    for result in results:
        if result["notices"] != result["sent"]:
            return f"{result['notices']:,} of {result['sent']:,} arrived", False
    counts = sorted({result["sent"] for result in results})
    return "all of " + " or ".join(f"{count:,}" for count in counts), True
