from shop.urls import urlpatterns  # noqa: F401


def handler500(request):
    raise LookupError("the page for errors is broken too")


def handler404(request, exception):
    raise LookupError("the page for missing pages is broken")
