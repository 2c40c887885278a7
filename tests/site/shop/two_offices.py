"""Two admin sites: the usual one, and one of the site's own that shows the inbox too."""

from django.contrib import admin
from django.urls import path

from hoptoad.inbox.models import App, Problem
from hoptoad.inbox.pages.app_admin import AppAdmin
from hoptoad.inbox.pages.problem_admin import ProblemAdmin

back_office = admin.AdminSite(name="back-office")
back_office.register(App, AppAdmin)
back_office.register(Problem, ProblemAdmin)

urlpatterns = [path("admin/", admin.site.urls), path("back-office/", back_office.urls)]
