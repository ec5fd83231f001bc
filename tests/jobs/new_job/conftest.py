"""Alice, and the form that waits for her."""

import pytest
from django.urls import reverse


@pytest.fixture
def client(client_of, alice, image, profile):
    return client_of(alice)


@pytest.fixture
def url(client) -> str:
    """The address of Alice's form."""
    return client.get(reverse("job_new")).url
