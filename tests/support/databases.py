"""Real databases for tests: a private PostgreSQL cluster on a free port, run by an unprivileged user."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from servers import free_port


def programs():
    """The folder of PostgreSQL's programs, or None."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    folders += [Path(found).resolve().parent for found in (shutil.which("initdb"),) if found]
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


@contextlib.contextmanager
def postgresql():
    """The settings of a database in a cluster that lives as long as the block."""
    folder = programs()
    with tempfile.TemporaryDirectory() as home:
        os.chmod(home, 0o755)
        data = Path(home) / "data"
        data.mkdir()
        as_user = {}
        if os.geteuid() == 0:  # PostgreSQL refuses root
            user = pwd.getpwnam("postgres" if _exists("postgres") else "nobody")
            os.chown(data, user.pw_uid, user.pw_gid)
            as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        quiet = {
            "check": True,
            "cwd": "/",
            "stdout": subprocess.DEVNULL,
            "stderr": subprocess.DEVNULL,
            **as_user,
        }
        initdb = [folder / "initdb", "-D", data, "-U", "tests", "-A", "trust", "--no-sync", "-E", "UTF8"]
        subprocess.run([*initdb, "--locale", "C"], **quiet)
        port = free_port()
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        control = [folder / "pg_ctl", "-D", data, "-w", "-l", data / "log"]
        subprocess.run([*control, "-o", options, "start"], **quiet)
        try:
            yield {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": "postgres",
                "USER": "tests",
                "HOST": "127.0.0.1",
                "PORT": str(port),
            }
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], **quiet)


def sqlite(path):
    """The settings of an SQLite file, as the documentation recommends them for an inbox of its own."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
        },
    }


def _exists(user):
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(user) is not None
    return False
