from django.urls import include, path
from shop.urls import urlpatterns as others

urlpatterns = [path("", include("hoptoad.inbox.urls")), *others]
