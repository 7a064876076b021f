"""Addresses of the training room."""

from django.urls import path

from training import views

app_name = "training"
urlpatterns = [
    path("train/", views.runs, name="runs"),
    path("train/<uuid:pk>/", views.run, name="run"),
    path("train/<uuid:pk>/stop", views.run_stop, name="run_stop"),
    path("train/<uuid:pk>/resume", views.run_resume, name="run_resume"),
    path("train/<uuid:pk>/events", views.run_events, name="run_events"),
    path("train/checkpoints/<uuid:pk>.png", views.checkpoint_picture, name="checkpoint_picture"),
    path("train/checkpoints/<uuid:pk>.wav", views.checkpoint_sample, name="checkpoint_sample"),
    path("train/checkpoints/<uuid:pk>.safetensors", views.checkpoint_file, name="checkpoint_file"),
]
