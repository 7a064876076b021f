from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Makes the commands of this folder (`up`, `doctor` …) known to manage.py."""

    name = "config"
