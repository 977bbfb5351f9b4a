"""Tells whether a process may use AMX, and takes it away from a process and its children.

Linux gives a process the registers of AMX only when it asks for them, and every engine that uses
AMX asks: oneDNN in TensorFlow and OpenVINO, ONNX Runtime, our ops. A filter of system calls answers
that they may not have them, so they all choose as they do where there is no AMX. This reaches
engines that have no switch of their own. It lasts for the process and all that it starts.

Reference:

- Linux kernel documentation, "Using XSTATE features in user space applications" and "Seccomp BPF".
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

_LIBC = ctypes.CDLL(None, use_errno=True)

_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 22, 38
_SECCOMP_MODE_FILTER = 2

_AUDIT_ARCH_X86_64 = 0xC000003E
_ARCH_PRCTL = 158
_ARCH_REQ_XCOMP_PERM = 0x1023
_ARCH_GET_XCOMP_PERM = 0x1022
_TILE_DATA = 18  # the number of the XSAVE component that holds the tiles

# Offsets into `struct seccomp_data`.
_CALL, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16

# Classic BPF: load a word, skip some where it differs, return.
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def may_use_amx() -> bool:
    """Whether the processor has AMX and the system gives it to this process, which has it then."""
    if platform.machine() != "x86_64":
        return False
    asked = map(ctypes.c_long, (_ARCH_PRCTL, _ARCH_REQ_XCOMP_PERM, _TILE_DATA))
    return bool(_LIBC.syscall(*asked) == 0)


def forbid_amx() -> None:
    """Takes AMX away from this thread and all that it starts from now on.

    Call it before other threads start. Programs gain no rights from then on, so `sudo` fails.

    Raises:
        OSError: If the system does not allow it.
        RuntimeError: If this process has AMX already.
    """
    if platform.machine() != "x86_64":
        return
    given = ctypes.c_uint64()
    asked = map(ctypes.c_long, (_ARCH_PRCTL, _ARCH_GET_XCOMP_PERM))
    if _LIBC.syscall(*asked, ctypes.byref(given)) == 0 and given.value >> _TILE_DATA & 1:
        raise RuntimeError("AMX should be forbidden before it is used; this process has it already")
    tests = (
        (_ARCHITECTURE, _AUDIT_ARCH_X86_64),
        (_CALL, _ARCH_PRCTL),
        (_FIRST_ARGUMENT, _ARCH_REQ_XCOMP_PERM),
    )
    code = b""
    for index, (offset, wanted) in enumerate(tests):
        to_allow = 2 * (len(tests) - 1 - index) + 1
        code += _instruction(_LOAD, offset) + _instruction(_JUMP_IF_EQUAL, wanted, to_allow)
    code += _instruction(_RETURN, _FAIL | errno.EPERM) + _instruction(_RETURN, _ALLOW)
    memory = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.addressof(memory))
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program))


def _instruction(code: int, value: int, skip_if_not: int = 0) -> bytes:
    return struct.pack("<HBBI", code, 0, skip_if_not, value)


def _prctl(option: int, *values: object) -> None:
    given = [ctypes.c_ulong(value) if isinstance(value, int) else value for value in values]
    rest = [ctypes.c_ulong(0)] * (4 - len(given))
    if _LIBC.prctl(ctypes.c_int(option), *given, *rest) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"AMX cannot be taken away: {errno.errorcode.get(code, code)}")
