from hoptoad.exceptional.middleware import ExceptionalMiddleware
from hoptoad.exceptional.responses import by_code


class RaisesIn:
    """Raises the status that the header X-Raise names, as a middleware below may."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if "X-Raise" in request.headers:
            raise by_code(int(request.headers["X-Raise"]))("from a middleware")
        return self.get_response(request)


class Own(ExceptionalMiddleware):
    def render(self, request, template_name, context):
        response = super().render(request, template_name, context)
        response.content += b"<!-- rendered by the shop -->"
        return response
