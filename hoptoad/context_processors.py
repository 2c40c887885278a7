"""For templates of error pages: the id of the notice that reports this failure."""

from django.http import HttpRequest


def hoptoad(request: HttpRequest) -> dict[str, str]:
    """`hoptoad_notice_id`, which is empty where nothing was reported."""
    return {"hoptoad_notice_id": str(getattr(request, "hoptoad_notice_id", "") or "")}
