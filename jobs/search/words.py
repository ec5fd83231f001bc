"""Texts as the words by which they are found. Pure.

Words of names, tags and file names are found by any piece, those of scripts and arguments by their beginning: a piece
is kept as the ends of the word ("~ain" of "train"), and every word is looked up by its beginning.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import PurePosixPath

WORD = re.compile(r"\w+")
LONGEST = 40
# Shorter beginnings would be looked up in too many words.
SHORTEST_PIECE = 2
MOST_OF_SCRIPTS, MOST_OF_ARGUMENTS = 3000, 500
PIECE, TAG, FILE = "~", "#", "/"


def words_in(text: str) -> Iterator[str]:
    """The words, small; of `learning_rate` also its parts."""
    for found in WORD.finditer(text):
        word = found.group().lower().strip("_")
        if word:
            yield word[:LONGEST]
            if "_" in word:
                yield from (part[:LONGEST] for part in word.split("_") if part)


def words_of_job(name: str, tags: Iterable[str], arguments: Iterable[str], paths: Iterable[str]) -> set[str]:
    """What is known of a job without its scripts' text."""
    tags, paths = list(tags), list(paths)
    words = {piece for text in (name, *tags, *paths) for word in words_in(text) for piece in _pieces(word)}
    words |= {TAG + tag.lower() for tag in tags}
    for path in paths:
        words |= {FILE + word for word in file_words(path)}
    return words | set(islice(_all_words(arguments), MOST_OF_ARGUMENTS))


def words_of_scripts(texts: Iterable[str]) -> set[str]:
    """Of the first so many words that differ."""
    words: set[str] = set()
    for word in _all_words(texts):
        words.add(word)
        if len(words) >= MOST_OF_SCRIPTS:
            break
    return words


def file_words(path: str) -> set[str]:
    """By what `file:` finds a path: whole, its last part, its ending and the words in it."""
    pure = PurePosixPath(path.lower())
    return {pure.as_posix()[-LONGEST * 4 :], pure.name[: LONGEST * 4], pure.suffix, *words_in(path)} - {""}


def _pieces(word: str) -> Iterator[str]:
    yield word
    yield from (PIECE + word[start:] for start in range(1, len(word) - SHORTEST_PIECE + 1))


def _all_words(texts: Iterable[str]) -> Iterator[str]:
    return (word for text in texts for word in words_in(text))
