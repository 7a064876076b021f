from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SynthesisConfig(AppConfig):
    name = "synthesis"
    verbose_name = _("말하기")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from studio import erasure as studio_erasure
        from studio import rooms, sweep
        from studio import words as studio_words
        from studio.signals import consent_withdrawn
        from synthesis import consent, erasure, selectors, words

        rooms.register("synthesis", selectors.room_state)
        part = studio_erasure.Part(erasure.items, erasure.check, erasure.erase, erasure.tell_worker)
        studio_erasure.register("synthesis", part)
        sweep.register("synthesis", "utterances", selectors.files_known)
        consent_withdrawn.connect(consent.voices_withhold, dispatch_uid="synthesis.voices_withhold")
        for code, sentence in words.ERROR_WORDS.items():
            studio_words.ERROR_WORDS.setdefault(code, sentence)
