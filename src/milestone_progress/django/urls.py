"""Paths, for the host to ``include``. A media may have slashes in its name."""

from django.urls import path

from .views import CompleteView, MediaView, MeView, RecentView

__all__ = ["app_name", "urlpatterns"]

app_name = "milestone_progress"
urlpatterns = [
    path("media/<path:media>", MediaView.as_view(), name="media"),
    path("complete/<path:media>", CompleteView.as_view(), name="complete"),
    path("continue-watching", RecentView.as_view(), name="recent"),
    path("me", MeView.as_view(), name="me"),
]
