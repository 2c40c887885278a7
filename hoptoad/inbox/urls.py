"""The ingest URLs of the inbox: `path("", include("hoptoad.inbox.urls"))`."""

from django.urls import path, re_path

from hoptoad.inbox import ingest

app_name = "hoptoad_inbox"
_v2, _v3 = ingest.exempt(ingest.notices_v2), ingest.exempt(ingest.notices_v3)
urlpatterns = [
    re_path(r"^notifier_api/v2/notices/?$", _v2, name="v2"),
    path("api/v3/projects/<str:project>/notices", _v3, name="v3"),
    path("api/v3/projects/<str:project>/create-notice", _v3, name="v3_older"),
    path("deploys.txt", ingest.exempt(ingest.deploys_v2), name="deploys_v2"),
    path("api/v4/projects/<str:project>/deploys", ingest.exempt(ingest.deploys_v4), name="deploys_v4"),
    path("locate/<str:identity>", ingest.locate, name="locate"),
]
