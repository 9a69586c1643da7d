"""The parser of x86 instructions against instructions taken from the manual's tables, and its packed state."""

import random

import pytest
import reference_decoder

from likezip.kernels.compiling import compiled
from likezip.memory import x86_state
from likezip.memory.x86_state import BEGIN, IMMEDIATE, OPCODE, OPCODE_AT, PHASE, take_apart

CODE = {
    "55": "push ebp",
    "89 E5": "mov ebp, esp",
    "83 EC 18": "sub esp, 24",
    "8B 45 08": "mov eax, [ebp + 8]",
    "C7 44 24 04 78 56 34 12": "mov dword [esp + 4], 0x12345678",
    "66 C7 04 24 34 12": "mov word [esp], 0x1234",
    "0F B6 84 1A 00 01 00 00": "movzx eax, byte [edx + ebx + 256]",
    "8B 0D 44 33 22 11": "mov ecx, [0x11223344]",
    "8B 04 8D 44 33 22 11": "mov eax, [ecx * 4 + 0x11223344]",
    "0F 84 10 20 00 00": "je",
    "E8 01 02 03 04": "call",
    "F6 45 FF 01": "test byte [ebp - 1], 1",
    "F7 D8": "neg eax",
    "66 F7 C1 34 12": "test cx, 0x1234",
    "A1 44 33 22 11": "mov eax, [0x11223344]",
    "C8 10 00 01": "enter 16, 1",
    "C2 08 00": "ret 8",
    "48 8B 05 44 33 22 11": "mov rax, [rip + 0x11223344]",
    "F3 0F 10 44 24 08": "movss xmm0, [esp + 8]",
    "66 0F 70 C0 1B": "pshufd xmm0, xmm0, 27",
    "0F 05": "syscall",
    "EB FE": "jmp",
    "CD 80": "int 128",
    "C3": "ret",
}


@compiled
def _take_apart(code, byte):  # type: ignore[no-untyped-def]
    return take_apart(code, byte)


def _states(code: bytes, state: int = 0) -> list[int]:
    states = []
    for byte in code:
        state = _take_apart(state, byte)
        states.append(state)
    return states


@pytest.mark.parametrize("code", CODE)
def test_an_instruction_is_as_long_as_it_is(code: str) -> None:
    phases = [state & PHASE for state in _states(bytes.fromhex(code))]
    prefixes = sum(part in ("66", "48", "F3") for part in code.split()[:1])
    assert phases[-1] == BEGIN
    assert all(phases[prefixes:-1])
    assert not any(phases[:prefixes])


def test_what_came_before_is_kept() -> None:
    state = _states(bytes.fromhex("".join(CODE) + "8B 45 08 0F B6 C8 C7 44 24 04 78"))[-1]
    assert state & PHASE == IMMEDIATE + 3
    assert (state >> OPCODE_AT) & OPCODE == 0xC7
    assert (state >> x86_state.MODRM_AT) & 255 == 0x44
    assert (state & x86_state.BEFORE_OPCODE) >> 23 == 0x1B6
    assert (state & x86_state.BEFORE_MODRM) >> 32 == 0xC8
    assert (state & x86_state.BEFORE_OPCODE_2) >> 40 == 0x8B
    assert (state & x86_state.BEFORE_OPCODE_3) >> 49 == 0xC3
    assert (state >> 58) & 63 == 0x45 >> 2


def test_any_bytes_are_read_as_in_the_reference() -> None:
    draw = random.Random(4)
    for _ in range(20):
        code = draw.randbytes(2000)
        reference, states = reference_decoder.Instructions(), _states(code)
        assert [reference.remember(byte) for byte in code] == [state % 2**64 for state in states]
