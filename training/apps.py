"""The training room as Django knows it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TrainingConfig(AppConfig):
    """Tells the first page about this room, and hears of a consent that is taken back."""

    name = "training"
    verbose_name = _("학습실")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from studio import rooms
        from studio.signals import consent_withdrawn
        from training import consent, selectors

        rooms.register("training", selectors.room_state)
        consent_withdrawn.connect(consent.runs_stop, dispatch_uid="training.runs_stop")
