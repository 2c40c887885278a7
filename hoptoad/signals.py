"""Django signals for those who want to know what became of a notice.

They are sent in the thread that delivered. A receiver that raises is logged by Django and changes
nothing.
"""

from django.dispatch import Signal

# After each attempt. Argument: `answer`, a hoptoad.answers.Answer.
notice_answered = Signal()

# Once for each notice that a server accepted. Argument: `answer`.
notice_sent = Signal()

# Once for each notice that is lost. Arguments: `payload` (bytes), `reason` (one line), and
# `answer`, the last one, or None.
notice_dropped = Signal()
