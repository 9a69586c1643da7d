"""Owner, group, rights and time of change of an output: those of its input, and nowhere more.

What makes a file more than its content is never copied: the setuid, setgid and sticky bits, capabilities, labels.
"""

from __future__ import annotations

import os
from contextlib import suppress

RIGHTS = 0o777
"""Bits of a mode that are copied."""
NOT_TO_RUN = 0o666
ACCESS_LIST = "system.posix_acl_access"
OWN_ATTRIBUTES = "user."
"""Extended attributes whose names begin so mean nothing to the system."""


def dress(file: int, source: int, status: os.stat_result) -> None:
    """Give the open ``file`` the owner, the group, the rights and the time of change that ``source`` had at the time of
    its ``status``, as far as the user may; until then nobody but its owner may open it.

    Where the group can't be kept, neither it nor others get a right that one of the two did not have.
    """
    _give_rights(file, source, status, status.st_mode & RIGHTS)
    _copy_attributes(file, source)
    if os.utime in os.supports_fd:
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    _give_owner(file, status)


def dress_derived(file: int, source: int, status: os.stat_result) -> None:
    """Give the open ``file``, which tells what is in ``source`` but is another document, the same rights, without that
    to be run as a program."""
    _give_rights(file, source, status, status.st_mode & NOT_TO_RUN)
    _give_owner(file, status)


def _give_rights(file: int, source: int, status: os.stat_result, mode: int) -> None:
    if not hasattr(os, "fchown"):
        return
    if not _keeps_group(file, status):
        both = mode >> 3 & mode & 0o7
        mode = mode & 0o700 | both << 3 | both
        _drop_list(file)
    elif not _copies_list(file, source):
        mode &= ~0o070  # which say what the list may give at most, not what the group has
    with suppress(OSError):  # a file system without rights has nothing to be opened wider
        os.fchmod(file, mode)


def _keeps_group(file: int, status: os.stat_result) -> bool:
    if os.fstat(file).st_gid != status.st_gid:
        with suppress(OSError):
            os.fchown(file, -1, status.st_gid)
    return os.fstat(file).st_gid == status.st_gid


def _give_owner(file: int, status: os.stat_result) -> None:
    """Last of all, as after it only root may do anything."""
    if hasattr(os, "fchown") and os.fstat(file).st_uid != status.st_uid:
        with suppress(OSError):
            os.fchown(file, status.st_uid, -1)


def _copies_list(file: int, source: int) -> bool:
    """Whether ``file`` has the access control list of ``source`` now, or none as that."""
    if not hasattr(os, "getxattr"):
        return True
    try:
        wanted = os.getxattr(source, ACCESS_LIST)
    except OSError:  # has none
        _drop_list(file)
        return True
    try:
        os.setxattr(file, ACCESS_LIST, wanted)
    except OSError:
        _drop_list(file)
        return False
    return True


def _drop_list(file: int) -> None:
    """Take off the access control list that a directory may have given."""
    if hasattr(os, "removexattr"):
        with suppress(OSError):
            os.removexattr(file, ACCESS_LIST)


def _copy_attributes(file: int, source: int) -> None:
    if not hasattr(os, "listxattr"):
        return
    with suppress(OSError):
        for name in os.listxattr(source):
            if name.startswith(OWN_ATTRIBUTES):
                os.setxattr(file, name, os.getxattr(source, name))
