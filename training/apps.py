"""The training room as Django knows it."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TrainingConfig(AppConfig):
    """Tells the first page about this room, hears of a consent that is taken back, and has its part in an erasure."""

    name = "training"
    verbose_name = _("학습실")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from studio import erasure as studio_erasure
        from studio import rooms
        from studio.signals import consent_withdrawn
        from training import consent, erasure, selectors

        rooms.register("training", selectors.room_state)
        part = studio_erasure.Part(erasure.items, erasure.check, erasure.erase, erasure.tell_worker)
        studio_erasure.register("training", part)
        consent_withdrawn.connect(consent.runs_stop, dispatch_uid="training.runs_stop")
