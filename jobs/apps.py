from django.apps import AppConfig


class JobsConfig(AppConfig):
    name = "jobs"

    def ready(self) -> None:
        """The pages of teams and people ask about jobs, which they cannot import."""
        from jobs.people import JobWork
        from teams.work import answer_with

        answer_with(JobWork())
