"""A router for tests that look at one database."""


class Everything:
    """Sends the whole site to the inbox's database."""

    def db_for_read(self, model, **hints):
        return "inbox"

    db_for_write = db_for_read
