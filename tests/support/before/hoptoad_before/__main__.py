"""`python -m hoptoad_before demo`: see it work, without a configuration and without an account."""

import argparse
import sys

from hoptoad_before.demo.run import run


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m hoptoad_before")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser(
        "demo", help="start a receiver and a failing site on this machine, and show what arrives"
    )
    demo.add_argument("--serve", action="store_true", help="keep both running, for a look with a browser")
    return run(serve=parser.parse_args(arguments).serve)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
