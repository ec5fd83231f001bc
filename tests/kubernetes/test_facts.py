"""What a script had around it, told from Python's and R's images on a real cluster."""

import pytest

pytestmark = [pytest.mark.kubernetes, pytest.mark.beside]


@pytest.mark.parametrize(
    ("image", "command", "interpreter", "version"),
    [
        ("test/python:3.11", ["python3", "-c", "print('hello')"], "Python", "3.11."),
        ("test/r:4.2", ["Rscript", "-e", "cat('hello\\n')"], "R", "4.2."),
        ("test/r:4.2", ["sh", "-c", "echo hello"], "R", "4.2."),
    ],
)
def test_a_pod_tells_what_its_image_has_and_nothing_of_it_is_in_the_output(
    lab, image, command, interpreter, version
):
    lab.image = image
    run = lab.run(command)
    assert lab.until_ended(run).exit_code == 0
    versions = run.attempt.collected[0]["versions"]
    assert versions["interpreters"][interpreter].startswith(version)
    assert "Debian" in versions["system"]
    assert versions["libc"].startswith("glibc")
    assert (run.attempt.output["stdout"], run.attempt.output["stderr"]) == (b"hello\n", b"")
