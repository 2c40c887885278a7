from django.apps import AppConfig


class FrogsConfig(AppConfig):
    name = "frogs"
