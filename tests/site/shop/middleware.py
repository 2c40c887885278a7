from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpResponse


class Failing:
    """Fails where the header X-Fail says so: before the view, after it, or in `process_view`."""

    sync_capable = async_capable = True

    def __init__(self, get_response):
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request):
        if iscoroutinefunction(self.get_response):
            return self._acall(request)
        self._maybe_fail(request, "before")
        response = self.get_response(request)
        self._maybe_fail(request, "after")
        return self._changed(request, response)

    async def _acall(self, request):
        self._maybe_fail(request, "before")
        response = await self.get_response(request)
        self._maybe_fail(request, "after")
        return self._changed(request, response)

    def _maybe_fail(self, request, moment):
        if request.headers.get("X-Fail") == f"{type(self).__name__} {moment}":
            raise RuntimeError(f"{type(self).__name__} failed {moment} the view")

    def _changed(self, request, response):
        return response


class Outer(Failing):
    """Also serves the pages that no view has, as flatpages do."""

    def _changed(self, request, response):
        if response.status_code == 404 and request.path == "/flatpage/":
            return HttpResponse("found after all")
        return response


class Inner(Failing):
    def process_view(self, request, view, args, kwargs):
        self._maybe_fail(request, "in process_view of")

    def process_exception(self, request, exception):
        if request.headers.get("X-Answer"):
            return HttpResponse("answered", status=int(request.headers["X-Answer"]))
        return None


def returns_none(get_response):
    return lambda request: None
