from django.http import HttpResponseServerError
from django.template import engines
from shop.urls import urlpatterns  # noqa: F401


def handler500(request):
    template = engines["django"].from_string("Tell us this number: {{ hoptoad_notice_id }}")
    return HttpResponseServerError(template.render({}, request))
