"""A view of Django REST framework; imported only where a test routes to it."""

from rest_framework.parsers import FormParser, JSONParser
from rest_framework.response import Response
from rest_framework.views import APIView


class Broken(APIView):
    authentication_classes = permission_classes = ()
    parser_classes = (JSONParser, FormParser)

    def post(self, request):
        if request.query_params.get("read") != "no":
            len(request.data)
        raise ValueError("something broke in an API")


class Answers(APIView):
    authentication_classes = permission_classes = ()

    def post(self, request):
        return Response({"detail": "no"}, status=503)
