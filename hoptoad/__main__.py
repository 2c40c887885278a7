"""Programs of the package.

`python -m hoptoad demo` shows the notifier at work, without a project or an account.
`python -m hoptoad inbox` receives the errors of sites, and shows them in a browser.
"""

import argparse
import sys

from hoptoad.inbox.alone import run as inbox
from hoptoad.management.demo.run import run


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m hoptoad")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="start a failing site on this machine, and print its notices")
    demo.add_argument("--serve", action="store_true", help="show the notices in the inbox, in a browser")
    inbox.add_arguments(commands.add_parser("inbox", help="receive errors, and show them in a browser"))
    given = parser.parse_args(arguments)
    return inbox.run(given) if given.command == "inbox" else run(serve=given.serve)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
