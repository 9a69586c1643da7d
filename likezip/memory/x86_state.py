"""x86 machine code: the place of a byte in its instruction, and the last instructions.

An instruction is taken apart just as far as its length needs it: prefixes, opcode of one byte or of two (0F and one
more), ModRM, SIB, displacement, immediate (Intel, "Software Developer's Manual", volume 2, chapter 2 and the opcode
maps of appendix A).  Code of 32 and of 64 bits is read alike: the opcodes 40 to 4F, short instructions in 32 bits and
prefixes in 64, are prefixes here.  In data that are no code, or from a wrong beginning, this finds instructions all the
same; real code falls into step after a few of them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from likezip.kernels.compiling import inlined

# An instruction's phase: the kind of its next byte; displacement and immediate are added to the bytes left of them.
BEGIN, AFTER_0F, MODRM, SIB, DISPLACEMENT, IMMEDIATE = 0, 1, 2, 3, 8, 16

# The bits of the packed state, a uint64.
PHASE, SHORT = 0x1F, 0x20  # SHORT: there was a prefix 66, operands have 16 bits
OPCODE, OPCODE_AT = 0x1FF, 6  # of two bytes: 256 + the second
MODRM_AT = 15
NOW = (1 << 23) - 1
BEFORE_OPCODE, BEFORE_OPCODE_2, BEFORE_OPCODE_3 = 0x1FF << 23, 0x1FF << 40, 0x1FF << 49
BEFORE_MODRM, BEFORE_MODRM_2 = 0xFF << 32, 0x3F << 58  # of the last instruction but one the upper six bits

# Bits for the parts that follow an opcode.
HAS_MODRM, IMMEDIATE_1, IMMEDIATE_2, IMMEDIATE_SIZED, IS_PREFIX, IMMEDIATE_4 = 1, 2, 4, 8, 16, 32
"""ModRM; an immediate of a byte, of two bytes, of an operand's size (4, 2 if SHORT) or of 4; it is a prefix."""


_OPCODES = {
    HAS_MODRM: "00-03 08-0B 10-13 18-1B 20-23 28-2B 30-33 38-3B 62-63 69 6B 80-8F C0-C1 C4-C7 D0-D3 D8-DF F6-F7 FE-FF "
    "100-104 10C-12F 138-176 178-17F 190-19F 1A3-1A7 1AB-1C7 1D0-1FF",
    IMMEDIATE_1: "04 0C 14 1C 24 2C 34 3C 6A-6B 70-80 82-83 A8 B0-B7 C0-C1 C6 C8 CD D4-D5 E0-E7 EB "
    "170-173 1A4 1AC 1BA 1C2 1C4-1C6",
    IMMEDIATE_2: "9A C2 C8 CA EA",
    IMMEDIATE_SIZED: "05 0D 15 1D 25 2D 35 3D 68-69 81 A9 B8-BF C7",
    IMMEDIATE_4: "9A A0-A3 E8-EA 180-18F",
    IS_PREFIX: "26 2E 36 3E 40-4F 64-67 F0 F2-F3",
}
"""Opcodes of one byte, and of two as 100 + the second, in hexadecimal."""


def _follows() -> npt.NDArray[np.uint8]:
    """The parts that follow each opcode, (512,) uint8."""
    follows = np.zeros(512, np.uint8)
    for part_bit, opcodes in _OPCODES.items():
        for part in opcodes.split():
            first, last = part.split("-") if "-" in part else (part, part)
            follows[int(first, 16) : int(last, 16) + 1] |= part_bit
    return follows


FOLLOWS = _follows()
"""(512,) uint8: the parts that follow each opcode."""


@inlined
def _immediate(code: int) -> int:
    """Bytes of the immediate of the instruction whose opcode, and ModRM if it has one, are in ``code``."""
    opcode = (code >> OPCODE_AT) & OPCODE
    follows = int(FOLLOWS[opcode])
    size = (follows & IMMEDIATE_1) >> 1 | (follows & IMMEDIATE_2) >> 1
    if follows & (IMMEDIATE_SIZED | IMMEDIATE_4):
        size += 2 if follows & IMMEDIATE_SIZED and code & SHORT else 4
    if opcode | 1 == 0xF7 and (code >> MODRM_AT) & 0x30 == 0:  # test; the others of its group have no immediate
        size += 1 if opcode == 0xF6 else 2 if code & SHORT else 4
    return size


@inlined
def _displacement(modrm: int, sib: int) -> int:
    """Bytes of the displacement of an address of 32 or 64 bits; ``sib`` is -1 if there is none."""
    mod, base = modrm >> 6, modrm & 7 if sib < 0 else sib & 7
    return 1 if mod == 1 else 4 if mod == 2 or (mod == 0 and base == 5) else 0


@inlined
def _complete(code: int) -> int:
    """The state at the beginning of the next instruction."""
    before = (code & (NOW & ~0x3F | BEFORE_OPCODE)) << 17
    modrm_2 = np.int64(np.uint64(code) >> np.uint64(34) << np.uint64(58))
    return int(before | (code & BEFORE_OPCODE_2) << 9 | modrm_2)


@inlined
def _operands(code: int, displacement: int) -> int:
    """The state once opcode, ModRM and SIB are known."""
    immediate = 0 if displacement else _immediate(code)
    if displacement:
        return (code & ~PHASE) | DISPLACEMENT + displacement
    return (code & ~PHASE) | IMMEDIATE + immediate if immediate else _complete(code)


@inlined
def take_apart(code: int, byte: int) -> int:
    """The state after ``byte``, from the state ``code`` before it; the first state is 0."""
    phase = code & PHASE
    if phase <= AFTER_0F:
        follows = int(FOLLOWS[byte + 256 * phase])
        if phase == BEGIN and follows == IS_PREFIX:
            return code | SHORT if byte == 0x66 else code
        if phase == BEGIN and byte == 0x0F:
            return code | AFTER_0F
        code = (code & ~PHASE) | (byte + 256 * phase) << OPCODE_AT
        return code | MODRM if follows & HAS_MODRM else _operands(code, 0)
    if phase == MODRM:
        code |= byte << MODRM_AT
        if byte < 0xC0 and byte & 7 == 4:
            return (code & ~PHASE) | SIB
        return _operands(code, _displacement(byte, -1))
    if phase == SIB:
        return _operands(code, _displacement((code >> MODRM_AT) & 255, byte))
    if phase > IMMEDIATE + 1 or DISPLACEMENT + 1 < phase <= IMMEDIATE:
        return code - 1
    return _operands(code, 0) if phase < IMMEDIATE else _complete(code)
