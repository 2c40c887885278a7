"""What others may leave in a spool directory."""

import os

import pytest

from hoptoad.delivery.spool.directory import MAX_NOTICE

OTHER = 65534  # a user that is not this one
PAYLOAD = b"<notice/>"
as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away"
)


# What another user, a cron job of root, or a slip of the hand may leave; and what the log says of it.
NAME = "00000001000000000-0123abcd-0.notice"
OLD = "00000001700000000-0123abcd-"


def fifo(folder):
    os.mkfifo(folder / NAME)


def folder(folder):
    (folder / NAME).mkdir()


def symlink(folder):
    (folder / NAME).symlink_to("/etc/hostname")


def dangling(folder):
    (folder / NAME).symlink_to(folder / "nowhere")


def roots(folder):
    (folder / NAME).write_bytes(PAYLOAD)
    os.chown(folder / NAME, OTHER, OTHER)
    (folder / NAME).chmod(0o600)


def sparse(folder):
    with open(folder / NAME, "wb") as file:
        file.truncate(MAX_NOTICE + 1)


def named(name):
    def make(folder):
        (folder / name).write_bytes(PAYLOAD)

    make.__name__ = name
    return make


STRANGERS = [
    (fifo, "is not a regular file"),
    (folder, "is not a regular file"),
    (symlink, "is not a regular file"),
    (dangling, "is not a regular file"),
    (sparse, r"has 67,108,865 bytes"),
    pytest.param(roots, f"belongs to user {OTHER}", marks=as_root),
    *(
        (named(f"{name}.notice"), "is not named like a notice")
        for name in ("²-a-0", "1-2", "x", "1-a-٣", "--")
    ),
]
