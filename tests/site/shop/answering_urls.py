"""The shop's pages, with the handlers that answer raised statuses."""

from shop.urls import urlpatterns  # noqa: F401

from hoptoad.exceptional.handlers import handler500  # noqa: F401
