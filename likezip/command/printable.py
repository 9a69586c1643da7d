"""Text from elsewhere, such as the names of files, in a form that is safe on a terminal."""

from __future__ import annotations

import os

import click


def printable(text: str | os.PathLike[str]) -> str:
    """``text`` in one line that any stream takes and no terminal obeys: line breaks, escape characters and other
    characters that can't be seen become escapes such as ``\\n`` and ``\\x1b``, bytes of a name that are no text a
    question mark."""
    shown = click.format_filename(text)
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in shown)
