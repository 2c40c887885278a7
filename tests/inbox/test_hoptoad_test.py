"""`manage.py hoptoad_test` with the inbox."""

import io

from django.core.management import call_command

from hoptoad.inbox.models import Problem


def test_the_command_says_where_the_test_error_is(sqlite, settings_for):
    settings_for(HOPTOAD_SETTINGS={"HOPTOAD_HANDLER": "inbox"})
    out = io.StringIO()

    call_command("hoptoad_test", stdout=out, no_color=True)

    said = out.getvalue().splitlines()
    assert said[:3] == ["To       the inbox of this site", "Handler  inbox", "Answer   accepted"]
    assert said[4:] == ["See      Errors, Problems in the admin", "The notice was accepted."]
    assert Problem.objects.using(sqlite).get().message == "This is a test. Nothing is broken."
