"""Every address of the clusters' pages. View, URL name, template and test file share one name."""

from django.urls import path

from clusters.views import connect, images, offers, overview, profiles, settings, spaces

IMAGE, PROFILE = {"kind": offers.IMAGE}, {"kind": offers.PROFILE}

urlpatterns = [
    path("", overview.cluster_list, name="cluster_list"),
    # Connecting one; "connect" is no cluster's slug (connecting/making.py)
    path("connect/", connect.cluster_connect, name="cluster_connect"),
    path("connect/paste/", connect.cluster_paste, name="cluster_paste"),
    path("connect/paste.yaml", connect.cluster_paste_download, name="cluster_paste_download"),
    path("connect/<slug:way>/", connect.cluster_connect, name="cluster_connect_by"),
    # One of them
    path("<slug:slug>/", overview.cluster_detail, name="cluster_detail"),
    path("<slug:slug>/health/", overview.cluster_health, name="cluster_health"),
    path("<slug:slug>/test/", overview.cluster_test, name="cluster_test"),
    path("<slug:slug>/edit/", settings.cluster_edit, name="cluster_edit"),
    path("<slug:slug>/switch/", settings.cluster_switch, name="cluster_switch"),
    path("<slug:slug>/remove/", settings.cluster_remove, name="cluster_remove"),
    path("<slug:slug>/credentials/", settings.cluster_credentials, name="cluster_credentials"),
    path("<slug:slug>/credentials/<slug:way>/", settings.cluster_credentials, name="cluster_credentials_by"),
    path("<slug:slug>/spaces/<int:team_id>/", spaces.space_edit, name="space_edit"),
    # What it offers
    path("<slug:slug>/environments/", images.image_list, name="image_list"),
    path("<slug:slug>/environments/add/", images.image_add, name="image_add"),
    path("<slug:slug>/environments/usual/", images.image_preset, name="image_preset"),
    path("<slug:slug>/environments/<int:part_id>/", images.image_edit, name="image_edit"),
    path("<slug:slug>/environments/<int:part_id>/switch/", offers.offer_switch, IMAGE, name="image_switch"),
    path("<slug:slug>/environments/<int:part_id>/move/", offers.offer_move, IMAGE, name="image_move"),
    path("<slug:slug>/environments/<int:part_id>/remove/", offers.offer_remove, IMAGE, name="image_remove"),
    path("<slug:slug>/profiles/", profiles.profile_list, name="profile_list"),
    path("<slug:slug>/profiles/add/", profiles.profile_add, name="profile_add"),
    path("<slug:slug>/profiles/usual/", profiles.profile_preset, name="profile_preset"),
    path("<slug:slug>/profiles/<int:part_id>/", profiles.profile_edit, name="profile_edit"),
    path("<slug:slug>/profiles/<int:part_id>/switch/", offers.offer_switch, PROFILE, name="profile_switch"),
    path("<slug:slug>/profiles/<int:part_id>/move/", offers.offer_move, PROFILE, name="profile_move"),
    path("<slug:slug>/profiles/<int:part_id>/remove/", offers.offer_remove, PROFILE, name="profile_remove"),
]
