"""Fails where tox skipped an environment whose interpreter is on this machine."""

import json
import re
import shutil
import subprocess
import sys

ENVIRONMENTS = re.compile(r"^py3(\d+)-django\d+(-suite)?$")


def has(minor: str) -> bool:
    python = shutil.which(f"python3.{minor}")
    return python is not None and not subprocess.call([python, "-c", ""], stderr=subprocess.DEVNULL)


with open(sys.argv[1]) as file:
    results = json.load(file)["testenvs"]

# tox calls one that it skipped a success.
outcomes = {name: env.get("result") or {} for name, env in results.items()}
ran = {name for name, outcome in outcomes.items() if outcome.get("success") and not outcome.get("skipped")}
listed = subprocess.check_output([".venv/bin/tox", "list", "--no-desc", "-q"], text=True).split()
could = [name for name in listed if not (found := ENVIRONMENTS.match(name)) or has(found[1])]
missing = [name for name in could if name not in ran]
print(f"{len(ran & set(listed))} of {len(listed)} environments ran: {', '.join(sorted(ran & set(listed)))}")
if missing:
    sys.exit(f"these could have run and did not: {', '.join(missing)}")
