"""The doors of the inbox: `path("", include("hoptoad.inbox.urls"))`."""

from django.urls import path, re_path

from hoptoad.inbox import doors

app_name = "hoptoad_inbox"
_v2, _v3 = doors.opened(doors.notices_v2), doors.opened(doors.notices_v3)
urlpatterns = [
    re_path(r"^notifier_api/v2/notices/?$", _v2, name="v2"),
    path("api/v3/projects/<str:project>/notices", _v3, name="v3"),
    path("api/v3/projects/<str:project>/create-notice", _v3, name="v3_older"),
    path("deploys.txt", doors.opened(doors.deploys_v2), name="deploys_v2"),
    path("api/v4/projects/<str:project>/deploys", doors.opened(doors.deploys_v4), name="deploys_v4"),
    path("locate/<str:identity>", doors.locate, name="locate"),
]
