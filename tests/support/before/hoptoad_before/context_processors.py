"""For templates of error pages: the number of the notice that tells of this failure."""

from django.http import HttpRequest


def hoptoad_before(request: HttpRequest) -> dict[str, str]:
    """`hoptoad_before_notice_id`, empty where nothing was reported."""
    return {"hoptoad_before_notice_id": str(getattr(request, "hoptoad_before_notice_id", "") or "")}
