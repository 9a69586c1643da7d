"""Which instructions for products of bytes this processor has.

LLVM knows an x86 processor's from the processor itself.  Of an ARM processor it knows what the operating system says,
and not every release of it looks for all, so the operating system is asked here.
"""

from __future__ import annotations

import ctypes
import platform
import sys

import llvmlite.binding

ARM_FEATURES = {"i8mm": "+neon,+dotprod,+i8mm", "dotprod": "+neon,+dotprod", "neon": "+neon"}
"""ARM's instructions, the fastest first, and what LLVM calls all that a kernel with them needs."""

AT_HWCAP, AT_HWCAP2 = 16, 26
HWCAP_ASIMDDP, HWCAP2_I8MM = 1 << 20, 1 << 13
"""Linux: entries of the auxiliary vector, and the bits there."""


def supported_instructions() -> list[str]:
    """The instructions for products of bytes that this processor has, the fastest first.

    Of x86: vnni512, vnni256, avx2; of 64-bit ARM: i8mm (SMMLA), dotprod (SDOT), neon, which all have; none of others.
    """
    if platform.machine().lower() in ("aarch64", "arm64"):
        return [name for name in ARM_FEATURES if name == "neon" or _arm_has(name)]
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return []
    features = llvmlite.binding.get_host_cpu_features()
    has_256 = features.get("avxvnni") or (features.get("avx512vnni") and features.get("avx512vl"))
    instructions = {"vnni512": features.get("avx512vnni"), "vnni256": has_256, "avx2": features.get("avx2")}
    return [name for name, there in instructions.items() if there]


def _arm_has(name: str) -> bool:
    """Whether the operating system says that the processor has SMMLA ("i8mm") or SDOT ("dotprod")."""
    library = ctypes.CDLL(None) if sys.platform in ("linux", "darwin") else None
    if sys.platform == "linux" and library is not None:
        library.getauxval.argtypes, library.getauxval.restype = [ctypes.c_ulong], ctypes.c_ulong
        entry, bit = (AT_HWCAP2, HWCAP2_I8MM) if name == "i8mm" else (AT_HWCAP, HWCAP_ASIMDDP)
        return bool(library.getauxval(entry) & bit)
    if sys.platform == "darwin" and library is not None:
        feature = b"hw.optional.arm.FEAT_I8MM" if name == "i8mm" else b"hw.optional.arm.FEAT_DotProd"
        there, size = ctypes.c_int(0), ctypes.c_size_t(ctypes.sizeof(ctypes.c_int))
        return library.sysctlbyname(feature, ctypes.byref(there), ctypes.byref(size), None, 0) == 0 and there.value == 1
    return False
