from django.urls import path

from synthesis import api, views

app_name = "synthesis"
urlpatterns = [
    path("speak/", views.speak, name="speak"),
    path("speak/history/", views.history, name="history"),
    path("speak/<uuid:pk>/", views.speak, name="speak_utterance"),
    path("utterances/", views.utterance_create, name="utterance_create"),
    path("utterances/<uuid:pk>/", views.utterance, name="utterance"),
    path("utterances/<uuid:pk>/stop", views.utterance_stop, name="utterance_stop"),
    path("utterances/<uuid:pk>/delete", views.utterance_delete, name="utterance_delete"),
    path("utterances/<uuid:pk>.wav", views.utterance_wav, name="utterance_wav"),
    path("utterances/<uuid:pk>/<int:index>.wav", views.sentence_sound, name="sentence_sound"),
    path("voices/", views.voices, name="voices"),
    path("voices/publish/", views.voice_publish, name="voice_publish"),
    path("voices/publish/<uuid:checkpoint>/", views.voice_publish, name="voice_publish"),
    path("voices/invite/", views.listener_invite, name="listener_invite"),
    path("voices/<slug:name>/rename/", views.voice_rename, name="voice_rename"),
    path("voices/<slug:name>/retire/", views.voice_retire, name="voice_retire"),
    path("voices/<slug:name>/restore/", views.voice_restore, name="voice_restore"),
    path("voices/<slug:name>/release/", views.voice_release, name="voice_release"),
    path("tokens/", views.tokens, name="tokens"),
    path("tokens/<int:pk>/revoke/", views.token_revoke, name="token_revoke"),
    path("api/read", api.read, name="api_read"),
    path("api/speak", api.speak, name="api_speak"),
    path("api/voices", api.voices, name="api_voices"),
    path("v1/audio/speech", api.openai_speech, name="openai_speech"),
    path("api/<path:rest>", api.unknown, name="api_unknown"),
    path("v1/<path:rest>", api.unknown, name="openai_unknown"),
]
