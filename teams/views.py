"""The password page. Everything else about accounts is allauth's."""

from allauth.account.views import PasswordChangeView
from django.http import HttpResponse
from django.urls import reverse_lazy

from teams.models import User


class PasswordChange(PasswordChangeView):
    """Changes the password and takes the mark "somebody else knows it" away."""

    success_url = reverse_lazy("job_list")

    def form_valid(self, form: object) -> HttpResponse:
        """Called once the old password was right and the new one good enough."""
        response: HttpResponse = super().form_valid(form)
        User.objects.filter(pk=self.request.user.pk).update(must_change_password=False)
        return response
