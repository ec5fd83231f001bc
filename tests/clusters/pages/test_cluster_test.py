"""“Test now” calls the doctor, once."""

from tests.clusters.pages.connected import visited


def test_the_doctor_is_called_and_the_page_shows_it(admin, research, calls, text):
    response = admin.post("/clusters/research/test/", follow=True)
    assert calls == ["research"]
    assert response.redirect_chain == [("/clusters/research/", 302)]
    assert "The doctor is on the way." in text(response)


def test_a_doctor_who_is_there_is_not_called_twice(admin, research, calls):
    admin.post("/clusters/research/test/")
    admin.post("/clusters/research/test/")
    assert calls == ["research"]


def test_after_a_visit_another_may_follow(admin, research, calls):
    visited(research)
    admin.post("/clusters/research/test/")
    assert calls == ["research"]
    assert admin.post("/clusters/nowhere/test/").status_code == 404
