"""The inbox in the admin, with its permissions, history and look. Sites of your own take the same classes."""

from django.contrib import admin

from hoptoad.inbox.models import App, Problem
from hoptoad.inbox.pages.app_admin import AppAdmin
from hoptoad.inbox.pages.problem_admin import ProblemAdmin

admin.site.register(App, AppAdmin)
admin.site.register(Problem, ProblemAdmin)
