"""What to paste into clients, so that they send to an app of this inbox."""

from typing import NamedTuple

from hoptoad.inbox.models import App


class Snippet(NamedTuple):
    """Lines for one client."""

    client: str
    text: str


def snippets(app: App, address: str) -> list[Snippet]:
    """The lines for each client; `address` is that of the ingest URLs, without a slash at its end."""
    return [Snippet(client, text.format(key=app.key, id=app.pk, at=address)) for client, text in _CLIENTS]


_CLIENTS = (
    (
        "django-hoptoad",
        """\
HOPTOAD_SETTINGS = {{
    "HOPTOAD_API_KEY": "{key}",
    "HOPTOAD_NOTIFICATION_URL": "{at}/notifier_api/v2/notices",
}}""",
    ),
    (
        "pybrake",
        """\
notifier = pybrake.Notifier(
    project_id={id},
    project_key="{key}",
    host="{at}",
)""",
    ),
    (
        "@airbrake/node, @airbrake/browser",
        """\
const airbrake = new Notifier({{
  projectId: {id},
  projectKey: "{key}",
  host: "{at}",
}});""",
    ),
    (
        "curl",
        """\
curl "{at}/api/v3/projects/{id}/notices" \\
  -H "Authorization: Bearer {key}" -H "Content-Type: application/json" \\
  -d '{{"errors": [{{"type": "Test", "message": "Hello"}}]}}'""",
    ),
)
