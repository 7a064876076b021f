"""Addresses of the recording room, and of the doors."""

from django.urls import path

from studio import api, check_pages, consent_pages, dictionary_pages, erasure_pages, review_pages, take_api, views

app_name = "studio"
urlpatterns = [
    path("", views.home, name="home"),
    path("enter/<str:token>/", views.enter, name="enter"),
    path("sign-in/", views.SignIn.as_view(), name="sign_in"),
    path("sign-out/", views.SignOut.as_view(), name="sign_out"),
    path("record/", views.record, name="record"),
    path("record/check/", check_pages.microphone, name="check"),
    path("record/check/room/", check_pages.room, name="check_room"),
    path("record/check/room/tone", check_pages.room_tone_create, name="room_tone_create"),
    path("record/consent/", consent_pages.consent_page, name="consent"),
    path("record/consent/statement", consent_pages.statement_create, name="consent_statement"),
    path("record/consent/withdraw", consent_pages.consent_withdraw, name="consent_withdraw"),
    path("consents/<int:pk>.wav", consent_pages.statement_audio, name="consent_audio"),
    path("record/course/", review_pages.own_course, name="own_course"),
    path("record/next", api.record_next, name="record_next"),
    path("record/move", api.record_move, name="record_move"),
    path("record/prompts", take_api.record_prompts, name="record_prompts"),
    path("clips/", api.clip_create, name="clip_create"),
    path("clips/<uuid:clip_id>.wav", api.clip_audio, name="clip_audio"),
    path("clips/<uuid:clip_id>/", api.clip_discard, name="clip_discard"),
    path("clips/<uuid:clip_id>/keep", api.clip_keep, name="clip_keep"),
    path("clips/<uuid:clip_id>/review", review_pages.review_write, name="review_write"),
    path("clips/<uuid:clip_id>/restore", api.clip_restore, name="clip_restore"),
    path("clips/<uuid:clip_id>/trim", take_api.clip_trim, name="clip_trim"),
    path("clips/<uuid:clip_id>/note", take_api.clip_note, name="clip_note"),
    path("speakers/", views.speakers, name="speakers"),
    path("speakers/<slug:name>/", review_pages.speaker, name="speaker"),
    path("speakers/<slug:name>/course", review_pages.speaker_course, name="speaker_course"),
    path("speakers/<slug:name>/invite", views.speaker_invite, name="speaker_invite"),
    path("speakers/<slug:name>/erase", erasure_pages.speaker_erase, name="speaker_erase"),
    path("erasures/<int:pk>/go-on", erasure_pages.erasure_go_on, name="erasure_go_on"),
    path("prompts/", views.prompts, name="prompts"),
    path("prompts/<int:pk>/reading", dictionary_pages.prompt_reading_write, name="prompt_reading"),
    path("dictionary/", dictionary_pages.table, name="dictionary"),
    path("dictionary/import", dictionary_pages.file_import, name="dictionary_import"),
    path("dictionary/export", dictionary_pages.file_export, name="dictionary_export"),
    path("dictionary/entries", dictionary_pages.entry_write, name="dictionary_write"),
    path("dictionary/<int:pk>/", dictionary_pages.entry_change, name="dictionary_entry"),
]
