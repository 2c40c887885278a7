"""Files of another user, also where the tests do not run as root."""

import os

CAN_GIVE_AWAY = hasattr(os, "geteuid") and os.geteuid() == 0
ANOTHER = 65_533  # no user has it


def given_away(path, monkeypatch=None):
    """Makes the file another user's, or this process one of another user; links are not followed."""
    if CAN_GIVE_AWAY:
        os.chown(path, ANOTHER, -1, follow_symlinks=False)
    elif monkeypatch is not None:
        monkeypatch.setattr(os, "geteuid", lambda: ANOTHER)
