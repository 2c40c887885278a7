"""`python -m hoptoad demo`: see it work, without a configuration and without an account.

`python -m hoptoad inbox`: receive the errors of sites, and look at them with a browser.
"""

import argparse
import sys

from hoptoad.demo.run import run
from hoptoad.inbox.alone import run as inbox


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m hoptoad")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser(
        "demo", help="start a receiver and a failing site on this machine, and show what arrives"
    )
    demo.add_argument("--serve", action="store_true", help="keep both running, for a look with a browser")
    inbox.add_arguments(commands.add_parser("inbox", help="receive errors, and show them to a browser"))
    given = parser.parse_args(arguments)
    return inbox.run(given) if given.command == "inbox" else run(serve=given.serve)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
