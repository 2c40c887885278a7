import logging

from django.http import HttpResponseServerError
from django.template import engines
from django.urls import path
from rest_framework.views import APIView

import hoptoad

logger = logging.getLogger("frogs.pond")


def jump(request):
    """Fails, after it has added context and a breadcrumb."""
    hoptoad.context(pond="north", access_token="never-sent-1")
    logger.info("the frog jumps")
    raise ValueError("the frog fell short")


class Feed(APIView):
    authentication_classes = permission_classes = ()

    def post(self, request):
        raise ValueError(f"{len(request.data)} flies are too many")


def server_error(request):
    page = engines["django"].from_string("<p>Something broke. Tell us this number: {{ hoptoad_notice_id }}</p>")
    return HttpResponseServerError(page.render({}, request))


handler500 = server_error

urlpatterns = [path("jump/", jump), path("feed/", Feed.as_view())]
