"""The admin's pages about apps: who gets mail, the key, settings to paste, what was refused."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTextareaWidget
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import now

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

    def response_change(self, request: HttpRequest, obj: App) -> HttpResponse:
        if "_rotate" in request.POST:
            self._rotate(request, obj)
        elif "_test_mail" in request.POST:
            self._test_mail(request, obj)
        else:
            return super().response_change(request, obj)
        return HttpResponseRedirect(request.path)

    def _rotate(self, request: HttpRequest, obj: App) -> None:
        obj.old_key, obj.old_key_until, obj.key = obj.key, now() + OLD_KEY_LASTS, new_key()
        obj.save(update_fields=("old_key", "old_key_until", "key"))
        self.log_change(request, obj, "Gave it a new key.")
        told = "It has a new key. The old one is accepted for 24 hours more."
        self.message_user(request, told, messages.SUCCESS)

    def _test_mail(self, request: HttpRequest, obj: App) -> None:
        if not obj.mail_to.split():
            self.message_user(request, "Nobody gets mail: enter an address.", messages.WARNING)
            return
        try:
            send_test(obj)
        except Exception as error:  # a boundary: whatever a mail backend raises
            told = f"The mail was not sent. {type(error).__name__}: {error}"
            self.message_user(request, told, messages.ERROR)
        else:
            addresses = ", ".join(obj.mail_to.split())
            self.message_user(request, f"A test mail was sent to {addresses}.", messages.SUCCESS)


def _address(request: HttpRequest) -> str:
    """The address before the ingest URLs, without a slash at its end; empty where the URLconf lacks them."""
    try:
        url = reverse("hoptoad_inbox:v2")
    except NoReverseMatch:
        return ""
    return request.build_absolute_uri(url).partition("/notifier_api/")[0]
