"""The recording room as Django knows it."""

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_out
from django.utils.translation import gettext_lazy as _


class StudioConfig(AppConfig):
    """Tells the first page about this room, and closes a browser's sockets when it signs out."""

    name = "studio"
    verbose_name = _("녹음실")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from studio import live, rooms, selectors

        rooms.register("studio", selectors.room_state)
        user_logged_out.connect(live.close_sockets, dispatch_uid="studio.close_sockets")
