"""A view of Django REST framework; imported only where a test routes to it."""

from rest_framework.parsers import BaseParser, FormParser, JSONParser
from rest_framework.response import Response
from rest_framework.views import APIView


class Lines(BaseParser):
    """A format of the shop's own, whose body nobody but this parser reads."""

    media_type = "text/x-lines"

    def parse(self, stream, media_type=None, parser_context=None):
        lines = stream.read().decode().splitlines()
        return dict(line.split("=", 1) for line in lines) if "=" in lines[0] else lines


class Broken(APIView):
    authentication_classes = permission_classes = ()
    parser_classes = (JSONParser, FormParser, Lines)

    def post(self, request):
        if request.query_params.get("read") != "no":
            len(request.data)
        raise ValueError("something broke in an API")


class Answers(APIView):
    authentication_classes = permission_classes = ()

    def post(self, request):
        return Response({"detail": "no"}, status=503)
