"""What the search of the history reads: words by job and script, and the scripts' text (docs/decisions/history.md)."""

from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models

from jobs.models.bundle import Blob, Bundle
from jobs.models.job import Job


class ScriptText(models.Model):
    """The beginning of a file that is text, read once; "" for content that is not."""

    blob = models.OneToOneField(Blob, on_delete=models.CASCADE, primary_key=True, related_name="script_text")
    text = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"text of {self.blob_id}"


class SearchShelf(models.Model):
    """How many entries stand on a shelf of a team; team 0 is everybody's.

    Each word is kept with its team and shelf: who looks it up touches no other team's, and so many entries at most.
    """

    team = models.BigIntegerField()
    number = models.IntegerField()
    entries = models.IntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["team", "number"], name="search_shelf_once")]

    def __str__(self) -> str:
        return f"{self.team}.{self.number}"


class SearchEntry(models.Model):
    """The words of jobs that are the same in team, files, name, tags and arguments: a script that ran many times."""

    digest = models.CharField(max_length=64, unique=True)
    bundle = models.ForeignKey(Bundle, on_delete=models.CASCADE, related_name="+")
    shelf = models.IntegerField(help_text="Its shelf among everybody's.")
    words = SearchVectorField()

    class Meta:
        indexes: ClassVar = [GinIndex(fields=["words"], name="search_words", fastupdate=False)]

    def __str__(self) -> str:
        return self.digest[:12]


class SearchedJob(models.Model):
    """The entry of a job; none until a worker has read its scripts."""

    job = models.OneToOneField(Job, on_delete=models.CASCADE, primary_key=True, related_name="searched")
    entry = models.ForeignKey(
        SearchEntry, on_delete=models.SET_NULL, null=True, related_name="jobs", db_index=False
    )

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["entry", "-job"], name="searched_by_entry"),
            models.Index(fields=["-job"], name="searched_pending", condition=models.Q(entry__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"words of job {self.job_id}"
