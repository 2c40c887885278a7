"""What a site adds: functions for HOPTOAD_BEFORE_NOTIFY, a filter and a reporter of its own."""

from dataclasses import replace

from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter


def without_addresses(notice):
    """An example of HOPTOAD_BEFORE_NOTIFY: no URL leaves the building."""
    return replace(notice, request=replace(notice.request, url=""))


def nothing(notice):
    return None


def failing(notice):
    raise RuntimeError("the function failed")


def odd(notice):
    return "no notice"


def unspeakable(notice):
    return replace(notice, request=replace(notice.request, params={"n": 7}))


class Filter(SafeExceptionReporterFilter):
    cleansed_substitute = "<hidden by the shop>"

    def get_post_parameters(self, request):
        return {**dict.fromkeys(request.POST, self.cleansed_substitute), "shown": "as the filter says"}

    def get_safe_request_meta(self, request):
        meta = super().get_safe_request_meta(request)
        meta.pop("HTTP_X_DROPPED", None)
        return meta

    def get_safe_cookies(self, request):
        cookies = super().get_safe_cookies(request)
        cookies.pop("dropped", None)
        return cookies


class FailingFilter(SafeExceptionReporterFilter):
    def get_post_parameters(self, request):
        raise RuntimeError("the filter failed")

    get_safe_request_meta = get_safe_cookies = get_post_parameters

    def get_traceback_frame_variables(self, request, tb_frame):
        raise RuntimeError("the filter failed")


class Reporter(ExceptionReporter):
    def get_traceback_data(self):
        data = super().get_traceback_data()
        data["tenant"] = self.request.META.get("HTTP_X_TENANT", "none")
        data["shop"] = {"api_key": "reporter-secret-1", "colour": "green"}
        return data


class Page(Reporter):
    def get_traceback_html(self):
        data = self.get_traceback_data()
        return f"<h1>{data['exception_type']} for {data.get('tenant')}</h1>"
