"""Settings, addresses and the command that runs everything. Celery's application is loaded with Django."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
