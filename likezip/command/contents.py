"""The content of files, which are read through if they are compressed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO

import click

from likezip.command.console import Counted, failures
from likezip.command.options import open_source
from likezip.frames.outputs import naming
from likezip.frames.through import seekable

raw_option = click.option("--raw", is_flag=True, help="Take compressed files as they are, instead of what they hold.")


def content_of(source: BinaryIO, name: str) -> bytes:
    """All that an opened file holds, read through if it is compressed."""
    with failures(name), content(source, name, raw=False) as file:
        return Counted(file, name).read(-1) or b""


@contextmanager
def open_content(name: str, *, raw: bool) -> Iterator[BinaryIO]:
    """The content of a file, to be read more than once."""
    with open_source(name, binary=False) as source, content(source, name, raw=raw) as file:
        yield file


@contextmanager
def content(source: BinaryIO, name: str, *, raw: bool) -> Iterator[BinaryIO]:
    """The content of an opened file, to be read more than once."""
    with ExitStack() as stack:
        with naming(name):
            file = stack.enter_context(seekable(source, raw=raw))
        yield file
