"""Settings of the test site with an admin site of its own in the place of Django's."""

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from shop.office import *  # noqa: F403
from shop.office import INSTALLED_APPS

INSTALLED_APPS = ["shop.back_office.BackOfficeConfig", *INSTALLED_APPS[1:]]


class BackOffice(AdminSite):
    site_header = "The back office"


class BackOfficeConfig(AdminConfig):
    default_site = "shop.back_office.BackOffice"
