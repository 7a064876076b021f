from django.urls import path

from synthesis.consumers import UtteranceConsumer

websocket_urlpatterns = [path("ws/utterances/<uuid:pk>/", UtteranceConsumer.as_asgi())]
