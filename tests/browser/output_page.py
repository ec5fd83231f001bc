"""A job's page with its output, as its tests look at it."""


def open_output(page, job, rest=""):
    """With its script at work."""
    page.goto(f"/jobs/{job.pk}/{rest}", wait_until="domcontentloaded")
    page.wait_for_function("() => document.querySelector('[data-output-url]').viewer !== undefined")
    return page
