"""The exceptions that likezip raises for bad data; bad arguments are ValueError or TypeError.

LikezipError
├── FormatError            not a likezip frame or model file, or something follows a frame
├── CorruptError           damaged: a checksum, a size or the code words don't fit
│   └── TruncatedError     the data end too early
├── UnsupportedError       sound, but of a version or kind that this likezip does not know
├── UnknownModelError      the model that is needed is not here
└── WorkerError            a worker process died
"""


class LikezipError(Exception):
    """Any of the below."""


class FormatError(LikezipError):
    """The data are no likezip frame or model file."""


class CorruptError(LikezipError):
    """The data are damaged."""


class TruncatedError(CorruptError):
    """The data end before the frame does."""


class UnsupportedError(LikezipError):
    """The frame is sound, but written by a later version."""


class UnknownModelError(LikezipError):
    """The model that the frame names is not here."""


class WorkerError(LikezipError):
    """A worker process ended without an answer."""
