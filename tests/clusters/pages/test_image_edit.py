"""An environment's form: an image, and which command runs which ending."""

import pytest

from clusters.models import DoctorRun, Image
from tests import cast

URL = "/clusters/research/environments/"
FIELDS = {
    "label": "R with tidyverse",
    "reference": "registry.example.org/team/r:4.4",
    "description": "tidyverse, data.table",
    "pull_secret": "registry",
    "use_r": "on",
    "command_r": "Rscript --vanilla",
    "ending_1": ".m",
    "command_1": "octave --no-gui",
    "ending_2": "",
    "command_2": "",
}


def test_an_environment_is_added_with_all_it_has(admin, research, team):
    assert admin.post(URL + "add/", FIELDS | {"teams": team.pk})["Location"] == URL
    image = Image.objects.get()
    assert (image.label, image.reference, image.pull_secret) == (
        FIELDS["label"],
        FIELDS["reference"],
        "registry",
    )
    assert image.entry_commands == {
        ".R": ["Rscript", "--vanilla"],
        ".r": ["Rscript", "--vanilla"],
        ".m": ["octave", "--no-gui"],
    }
    assert list(image.teams.all()) == [team]


def test_an_image_that_is_new_or_other_is_tried_by_the_doctor(admin, research, text):
    page = text(admin.post(URL + "add/", FIELDS, follow=True))
    assert "R with tidyverse was added. The doctor tries it now" in page
    assert DoctorRun.objects.filter(cluster=research, ended_at=None).count() == 1
    DoctorRun.objects.all().delete()
    admin.post(f"{URL}{Image.objects.get().pk}/", FIELDS)
    assert DoctorRun.objects.filter(cluster=research).count() == 1


def test_the_doctor_is_called_whenever_what_is_offered_changes(admin, research, text):
    admin.post(URL + "add/", FIELDS)
    pk = Image.objects.get().pk
    for path, sent, said in (
        (f"{pk}/switch/", {"on": "0"}, "is no longer offered for new jobs."),
        (f"{pk}/switch/", {"on": "1"}, "is offered again. The doctor tries it now: see Health."),
        (f"{pk}/remove/", {}, "was removed."),
    ):
        DoctorRun.objects.all().delete()
        assert said in text(admin.post(URL + path, sent, follow=True))
        assert DoctorRun.objects.filter(cluster=research).count() == 1, path


def test_the_form_shows_what_is_set_and_saving_it_unchanged_changes_nothing(admin, research, text):
    admin.post(URL + "add/", FIELDS)
    image = Image.objects.get()
    response = admin.get(f"{URL}{image.pk}/")
    form = response.context["form"]
    data = dict(form.initial) | {"use_r": "on", "command_r": "Rscript --vanilla"}
    for row in form.others:
        data |= {f"ending_{row.number}": row.ending, f"command_{row.number}": row.command}
    assert 'name="use_r" checked' in text(response)
    admin.post(f"{URL}{image.pk}/", data)
    assert Image.objects.values().get() == Image.objects.filter(pk=image.pk).values().get()
    assert Image.objects.get().entry_commands == image.entry_commands


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"label": ""}, "Give the environment a name"),
        ({"label": "python 3"}, "This cluster has an environment of this name"),
        ({"reference": ""}, "Give the image, such as"),
        ({"reference": "Python 3"}, "is no image reference"),
        ({"reference": "https://hub/python"}, "Leave out https://"),
        ({"pull_secret": "my password!"}, "cannot be the name of a Secret"),
        ({"use_r": "", "ending_1": "", "command_1": ""}, "Tick a language"),
        ({"ending_1": "m"}, "Write the ending with its dot"),
        ({"command_1": ""}, "Write the command that runs a .m file"),
        ({"command_1": "octave 'x"}, "A quote is opened"),
        ({"ending_1": ".R"}, ".R has a command already"),
    ],
)
def test_each_mistake_is_said_and_nothing_typed_is_lost(admin, research, text, fields, sentence):
    cast.new_image(research)
    page = text(admin.post(URL + "add/", FIELDS | fields))
    assert sentence in page
    assert "tidyverse, data.table" in page
    assert "Rscript --vanilla" in page
    assert Image.objects.count() == 1


def test_on_this_machine_there_is_no_image_to_pull(admin, cluster, text):
    local = "/clusters/this-machine/environments/"
    assert "Pull secret" not in text(admin.get(local + "add/"))
    fields = {"label": "My R", "use_r": "on", "command_r": "/opt/R/bin/Rscript"}
    assert admin.post(local + "add/", fields).status_code == 302
    assert Image.objects.get().reference == "local/my-r"
