"""`python -m hoptoad demo`: shows the notifier at work, without a project or an account."""

import argparse
import sys

from hoptoad.demo.run import run


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m hoptoad")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser(
        "demo", help="start a failing site and a receiver on this machine, and print the notices that arrive"
    )
    demo.add_argument("--serve", action="store_true", help="keep both running, to open in a browser")
    return run(serve=parser.parse_args(arguments).serve)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
