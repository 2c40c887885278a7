"""The admin's pages about apps: who gets mail, the key, settings to paste, what was refused."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import PermissionDenied
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import now
from django.views.decorators.http import require_POST

from hoptoad.inbox.alerts import send_test
from hoptoad.inbox.models import App, new_key
from hoptoad.inbox.pages.clients import snippets
from hoptoad.inbox.pages.problem_list import STYLE
from hoptoad.inbox.pages.times import time

if TYPE_CHECKING:
    _AppAdmin = admin.ModelAdmin[App]
else:
    _AppAdmin = admin.ModelAdmin  # takes no parameter where it runs

_HELP = {
    "mail_to": "Who gets mail about new problems and those that come back: addresses, one a line.",
    "mail_environments": "Environments whose problems mail, one a line. None means all of them.",
}
_WIDGETS = {name: AdminTextareaWidget(attrs={"rows": 3}) for name in _HELP}
OLD_KEY_LASTS = timedelta(hours=24)


class AppAdmin(_AppAdmin):
    """Projects that send notices."""

    list_display = ("name", "open_problems", "refused")
    fields = ("name", "mail_to", "mail_environments")
    search_fields = ("name",)
    change_form_template = "hoptoad_inbox/app.html"

    class Media:
        css = STYLE

    def get_form(
        self, request: HttpRequest, obj: App | None = None, change: bool = False, **kwargs: Any
    ) -> "type[ModelForm[App]]":
        return super().get_form(request, obj, change, **{**kwargs, "help_texts": _HELP, "widgets": _WIDGETS})

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> "tuple[list[str], dict[str, int], set[str], list[str]]":
        """Only the apps: the admin would load every notice of them to name it."""
        perms = set() if self.has_delete_permission(request) else {str(self.opts.verbose_name)}
        return [app.name for app in objs], {"apps, with all of their problems": len(objs)}, perms, []

    @admin.display(description="problems")
    def open_problems(self, app: App) -> SafeString:
        url = reverse("admin:hoptoad_inbox_problem_changelist", current_app=self.admin_site.name)
        return format_html('<a href="{}?app={}">Problems of {}</a>', url, str(app.pk), app.name)

    @admin.display(description="refused", ordering="refused_count")
    def refused(self, app: App) -> SafeString | str:
        if app.refused_at is None:
            return "none"
        return format_html("{}, last {}", f"{app.refused_count:,}", time(app.refused_at, now()))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: "dict[str, Any] | None" = None,
    ) -> HttpResponse:
        """The form, and below it what a client needs: only for those who may change it."""
        app = self.get_object(request, object_id)
        context = dict(extra_context or {})
        if app is not None and self.has_change_permission(request, app):
            address = _address(request)
            context |= {"app": app, "now": now(), "clients": snippets(app, address) if address else []}
        return super().change_view(request, object_id, form_url, context)

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, "hoptoad_inbox_app"
        return [
            path("<int:key>/new-key/", view(require_POST(self.new_key_view)), name=f"{name}_new_key"),
            path("<int:key>/test-mail/", view(require_POST(self.test_mail_view)), name=f"{name}_test_mail"),
            *super().get_urls(),
        ]

    def response_add(self, request: HttpRequest, obj: App, *args: Any, **kwargs: Any) -> HttpResponse:
        """Leads to the page of the new app, which has the settings to paste."""
        answer = super().response_add(request, obj, *args, **kwargs)
        is_saved = not {"_addanother", "_popup"} & set(request.POST)
        return self._back_to(obj) if is_saved and self.has_change_permission(request, obj) else answer

    def new_key_view(self, request: HttpRequest, key: int) -> HttpResponse:
        """Gives an app another key."""
        app = self._changeable(request, key)
        app.old_key, app.old_key_until, app.key = app.key, now() + OLD_KEY_LASTS, new_key()
        app.save(update_fields=("old_key", "old_key_until", "key"))
        self.log_change(request, app, "Gave it a new key.")
        told = "It has a new key. The old one is accepted for 24 hours more."
        self.message_user(request, told, messages.SUCCESS)
        return self._back_to(app)

    def test_mail_view(self, request: HttpRequest, key: int) -> HttpResponse:
        """Mails the addresses of an app."""
        app = self._changeable(request, key)
        addresses = app.mail_to.split()
        if not addresses:
            self.message_user(request, "Nobody gets mail: save an address first.", messages.WARNING)
            return self._back_to(app)
        try:
            send_test(app)
        except Exception as error:  # a boundary: whatever a mail backend raises
            told = f"The mail was not sent. {type(error).__name__}: {error}"
            self.message_user(request, told, messages.ERROR)
        else:
            self.message_user(request, f"A test mail was sent to {', '.join(addresses)}.", messages.SUCCESS)
        return self._back_to(app)

    def _changeable(self, request: HttpRequest, key: int) -> App:
        app = self.get_object(request, str(key))
        if not self.has_change_permission(request, app):
            raise PermissionDenied
        if app is None:
            raise Http404
        return app

    def _back_to(self, app: App) -> HttpResponse:
        name = "admin:hoptoad_inbox_app_change"
        return HttpResponseRedirect(reverse(name, args=[app.pk], current_app=self.admin_site.name))


def _address(request: HttpRequest) -> str:
    """The address before the ingest URLs, without a slash at its end; empty where the URLconf lacks them."""
    try:
        url = reverse("hoptoad_inbox:v2")
    except NoReverseMatch:
        return ""
    return request.build_absolute_uri(url).partition("/notifier_api/")[0]
