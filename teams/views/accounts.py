"""Signing in and the password page. Everything else about accounts is allauth's."""

from typing import Any

from allauth.account.views import LoginView, PasswordChangeView
from allauth.core.ratelimit import respond_429
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy

from teams.models import User


class SignIn(LoginView):
    """allauth's page, which answers 429 where it would show "too many attempts" as an error of the form."""

    def form_invalid(self, form: Any) -> HttpResponse:
        """Called when name and password do not belong together, or were not even looked at."""
        if form.has_error("__all__", code="too_many_login_attempts"):
            return respond_429(self.request)
        response: HttpResponse = super().form_invalid(form)
        return response


class PasswordChange(PasswordChangeView):
    """Changes the password and takes the mark "somebody else knows it" away."""

    success_url = reverse_lazy("job_list")

    def form_valid(self, form: Any) -> HttpResponse:
        """Called once the old password was right and the new one good enough."""
        if form.cleaned_data["oldpassword"] == form.cleaned_data["password1"]:
            form.add_error("password1", "This is the password you have. Choose another password.")
            return self.form_invalid(form)
        with transaction.atomic():
            response: HttpResponse = super().form_valid(form)
            User.objects.filter(pk=self.request.user.pk).update(must_change_password=False)
        return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form whose token is void. Who wanted to sign in, and did so in another tab meanwhile, simply goes on."""
    if request.user.is_authenticated and request.path == reverse("account_login"):
        return redirect("job_list")
    return render(request, "403_csrf.html", status=403)


def admin_login(request: HttpRequest) -> HttpResponse:
    """Where the admin sends those who may not enter: to the sign-in page, or a sentence why not."""
    if request.user.is_authenticated:
        raise PermissionDenied("The administration is for admins only. Ask one of them for what you need.")
    return redirect_to_login(request.GET.get("next") or "/admin/")
