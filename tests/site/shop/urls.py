import functools

from django.urls import include, path, re_path
from shop import views

urlpatterns = [
    path("", views.home),
    path("boom/", views.boom),
    path("boom/async/", views.boom_async),
    path("boom/class/<int:pk>/", views.Boom.as_view(), name="boom-class"),
    path("boom/decorated/", views.decorated),
    path("boom/partial/", functools.partial(views.boom_with, word="partial")),
    path("boom/callable/", views.Callable()),
    path("boom/viewset/", views.viewset),
    path("boom/<word>/", views.boom_with),
    path("status/<int:code>/", views.status),
    path("raise/404/", views.raise_404),
    path("raise/403/", views.raise_403),
    path("raise/400/", views.raise_400),
    path("form/", views.form),
    path("json/", views.json_body),
    path("session/", views.session),
    path("user/", views.user),
    path("sql/", views.sql),
    path("stream/", views.stream),
    path("stream/async/", views.stream_async),
    path("file/", views.file),
    path("template/", views.template),
    path("exception/", views.anything),
    path("marked/", views.marked),
    path("exception/async/", views.anything_async),
    path("reset/<uidb64>/<token>/", views.anything),
    path("slow/", views.slow),
    path("endless/", views.endless),
    re_path("^included/", include([path("here/", views.boom)])),
]
