"""A Content-Security-Policy for each answer, where the settings have one."""

from django.conf import settings


def middleware(get_response):
    def answer(request):
        response = get_response(request)
        if settings.OFFICE_POLICY:
            response.headers.setdefault("Content-Security-Policy", settings.OFFICE_POLICY)
        return response

    return answer
