"""Every address of the live process: event streams only."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
