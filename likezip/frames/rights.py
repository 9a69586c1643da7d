"""Owner, group, rights and time of change of an output: copied from its input, and never wider.

Marks that give a file powers are never copied: the setuid, setgid and sticky bits, capabilities, labels.
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


def copy_metadata(file: int, source: int, status: os.stat_result) -> None:
    """Give the open ``file`` the owner, group, rights and times in ``status``, which ``source`` had before, and the
    access list and own attributes of ``source``, as far as the user may; until then nobody but its owner may open it.

    Where the group can't be kept, the new group and others get only the rights that both had.
    """
    _copy_attributes(file, source)  # first, as a file that may not be written takes none
    _give_rights(file, source, status, status.st_mode & RIGHTS)
    if os.utime in os.supports_fd:
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    _give_owner(file, status)


def copy_rights_to_derived(file: int, source: int, status: os.stat_result) -> None:
    """Give the open ``file``, another document that tells the content of ``source``, the owner, group, rights and
    access list of ``source``, but not the right to be run as a program, and no attributes or times."""
    _give_rights(file, source, status, status.st_mode & NOT_TO_RUN)
    _give_owner(file, status)


def _give_rights(file: int, source: int, status: os.stat_result, mode: int) -> None:
    if not hasattr(os, "fchown"):
        return
    if not _keeps_group(file, status):
        common = mode >> 3 & mode & 0o7
        mode = mode & 0o700 | common << 3 | common
        _drop_list(file)
    elif not _copies_list(file, source):
        mode &= ~0o070  # with an access list these bits are its mask, not the group's rights
    with suppress(OSError):  # a file system without rights has nothing to be opened wider
        os.fchmod(file, mode)


def _keeps_group(file: int, status: os.stat_result) -> bool:
    if os.fstat(file).st_gid != status.st_gid:
        with suppress(OSError):
            os.fchown(file, -1, status.st_gid)
    return os.fstat(file).st_gid == status.st_gid


def _give_owner(file: int, status: os.stat_result) -> None:
    """Give the owner, last of all: after it only root may change anything."""
    if hasattr(os, "fchown") and os.fstat(file).st_uid != status.st_uid:
        with suppress(OSError):
            os.fchown(file, status.st_uid, -1)


def _copies_list(file: int, source: int) -> bool:
    """Whether ``file`` has now the same access control list as ``source``, or like it none."""
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
    """Remove the access control list that the directory may have given to ``file``."""
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
