"""All that is ever left on a request that failed."""

SEEN = "_hoptoad_before_seen"  # its Duplicates
NOTICE_ID = "hoptoad_before_notice_id"  # of the notice that was handed over
REASON = "_hoptoad_before_reason"  # what led to a status, until the answer is judged
