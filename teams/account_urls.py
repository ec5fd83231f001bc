"""Signing in and out. Accounts are made by admins, so allauth's other pages have no address here."""

from allauth.account import views
from django.urls import path

from teams.views.accounts import PasswordChange, SignIn

urlpatterns = [
    path("login/", SignIn.as_view(), name="account_login"),
    path("logout/", views.logout, name="account_logout"),
    path("password/change/", PasswordChange.as_view(), name="account_change_password"),
]
