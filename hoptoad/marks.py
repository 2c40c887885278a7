"""All that is ever left on a request."""

SEEN = "_hoptoad_seen"  # something failed, and was reported or suppressed; on exceptions as well
NOTICE_ID = "hoptoad_notice_id"  # of the notice that was handed over
REASON = "_hoptoad_reason"  # what led to a status, until the answer is judged
