"""The exceptions that likezip raises for bad data; bad arguments are ValueError or TypeError.

``need_torch`` reports a missing torch.

LikezipError
├── FormatError            not a likezip frame or model file, or something follows a frame
├── CorruptError           damaged: a checksum, a size or the code words don't fit
│   └── TruncatedError     the data end too early
├── UnsupportedError       sound, but needs what this likezip, this model or this machine does not have
├── LimitError             the content is larger than the caller allows
├── UnknownModelError      the model that is needed is not here
├── UnknownContextError    the context that is needed was not given, or another
└── WorkerError            a worker process died
"""


class LikezipError(Exception):
    """Any of the exceptions below."""


class FormatError(LikezipError):
    """The data are no likezip frame or model file."""


class CorruptError(LikezipError):
    """The data are damaged."""


class TruncatedError(CorruptError):
    """The data end before the frame does."""


class UnsupportedError(LikezipError):
    """Nothing is damaged, but a version, a prior or a way to multiply exactly is missing here."""


class LimitError(LikezipError):
    """The content is larger than ``max_size`` allows; nothing beyond that was decoded."""


class UnknownModelError(LikezipError):
    """The model that the frame names is not here."""


class UnknownContextError(LikezipError):
    """The frame was compressed with a context, and it was not given, or another was."""


class WorkerError(LikezipError):
    """A worker process ended without an answer."""


TORCH = "torch>=2.6,<2.14"
"""The dependency, as pip takes it."""


def need_torch(purpose: str) -> None:
    """Raises UnsupportedError, which says how to install torch, if ``purpose`` needs it and it is not installed."""
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise UnsupportedError(f"{purpose} needs torch, which is not installed: pip install '{TORCH}'") from None
