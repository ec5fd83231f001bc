"""Signing in and the password page. Everything else about accounts is allauth's."""

from typing import Any

from allauth.account.views import LoginView, PasswordChangeView
from allauth.core.ratelimit import respond_429
from django.http import HttpResponse
from django.urls import reverse_lazy

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
        response: HttpResponse = super().form_valid(form)
        User.objects.filter(pk=self.request.user.pk).update(must_change_password=False)
        return response
