"""The signal of the inbox."""

from django.dispatch import Signal

# A problem is new, has come 10, 100 or 1,000 times, is back after it was resolved, or is no longer ignored.
# Sent with `problem` (a hoptoad.inbox.models.Problem) and `kind` ("new", "milestone", "regression",
# "reopened"), by a thread of the inbox, after the notice was committed. Ignored problems send none.
problem_alerted = Signal()
