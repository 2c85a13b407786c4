"""The sandbox of processes that decode untrusted bytes: they can compute and use open files, and nothing else.

`enter` sandboxes the process permanently and needs no privilege. Two layers: resource limits on memory, CPU time and
files (none can be opened, nor a socket, and none can grow), which every kernel has; and a seccomp filter that allows
the system calls a decoder needs and refuses all others with EPERM: no file by name, no socket, no other process, no
signal to one, no access to its memory. All that the work needs must be imported and open before.
"""

import ctypes
import logging
import os
import platform
import resource
import signal
import struct
from dataclasses import dataclass

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_FILTER_MODE = 2

_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}  # audit number of the architecture, column below
# Allowed system calls: number on x86_64, on aarch64.
_ALLOWED = {
    # files that are open already
    "read": (0, 63),
    "write": (1, 64),
    "readv": (19, 65),
    "writev": (20, 66),
    "pread64": (17, 67),
    "pwrite64": (18, 68),
    "lseek": (8, 62),
    "close": (3, 57),
    "fstat": (5, 80),
    "newfstatat": (262, 79),
    "recvfrom": (45, 207),
    "sendto": (44, 206),
    "getsockname": (51, 204),
    "getsockopt": (55, 209),
    # memory
    "mmap": (9, 222),
    "munmap": (11, 215),
    "mprotect": (10, 226),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "brk": (12, 214),
    # threads, and signals to itself
    "futex": (202, 98),
    "set_robust_list": (273, 99),
    "rseq": (334, 293),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "getcpu": (309, 168),
    "restart_syscall": (219, 128),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "exit": (60, 93),
    "exit_group": (231, 94),
    # the clock, and properties of the machine
    "clock_gettime": (228, 113),
    "gettimeofday": (96, 169),
    "clock_nanosleep": (230, 115),
    "getrandom": (318, 278),
    "getrusage": (98, 165),
    "getrlimit": (97, 163),
    "sysinfo": (99, 179),
    "uname": (63, 160),
}
_CLONE = (56, 220)  # allowed for threads only
_CLONE3 = (435, 435)  # answered with ENOSYS, so that the C library falls back to clone, whose flags a filter can read
_CLONE_THREAD = 0x10000

# BPF instructions: load from the system call's data, compare, return.
_LOAD, _EQUAL, _ANY_BIT, _ANSWER = 0x20, 0x15, 0x45, 0x06
_NUMBER_AT, _MACHINE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _ENOSYS = 1, 38


@dataclass(frozen=True, slots=True)
class Bounds:
    """Resource limits. memory_bytes: address space. cpu_seconds: CPU time. file_bytes: size to which a file that is
    open for writing may grow."""

    memory_bytes: int
    cpu_seconds: int
    file_bytes: int = 0


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def enter(bounds: Bounds, parent: int) -> None:
    """Sandbox this process. It ends with its parent, the process with that id."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the call above
        os._exit(1)
    soft = {
        resource.RLIMIT_AS: bounds.memory_bytes,
        resource.RLIMIT_FSIZE: bounds.file_bytes,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 0,  # open ones stay open
    }
    for which, value in soft.items():
        resource.setrlimit(which, (value, value))
    resource.setrlimit(resource.RLIMIT_CPU, (bounds.cpu_seconds, bounds.cpu_seconds + 5))
    _install_filter()


def warn_if_weak() -> None:
    """Log a warning where this machine has no seccomp filter. Call it at a worker's start, before it has threads."""
    pid = os.fork()
    if not pid:
        os._exit(0 if _install_filter() else 1)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
        log.warning(
            "no system call filter (seccomp) is available: the kernel, the machine (%s) or the container's profile "
            "does not allow it; videos are decoded with resource limits only",
            platform.machine(),
        )


def _install_filter() -> bool:
    """Install the seccomp filter. Returns whether it is active."""
    machine = _MACHINES.get(platform.machine())
    if machine is None or _prctl(_PR_SET_NO_NEW_PRIVS, 1):
        return False
    code = _filter(*machine)
    return _prctl(_PR_SET_SECCOMP, _FILTER_MODE, ctypes.byref(_Program(len(code) // 8, code))) == 0


def _filter(architecture: int, column: int) -> bytes:
    """The BPF program that the kernel runs for each system call."""
    code = [(_LOAD, 0, 0, _MACHINE_AT), (_EQUAL, 1, 0, architecture), (_ANSWER, 0, 0, _KILL)]
    code.append((_LOAD, 0, 0, _NUMBER_AT))
    for numbers in _ALLOWED.values():
        code += [(_EQUAL, 0, 1, numbers[column]), (_ANSWER, 0, 0, _ALLOW)]
    code += [(_EQUAL, 0, 1, _CLONE3[column]), (_ANSWER, 0, 0, _ERRNO | _ENOSYS)]
    code += [(_EQUAL, 0, 3, _CLONE[column]), (_LOAD, 0, 0, _FIRST_ARGUMENT_AT)]
    code += [(_ANY_BIT, 0, 1, _CLONE_THREAD), (_ANSWER, 0, 0, _ALLOW), (_ANSWER, 0, 0, _ERRNO | _EPERM)]
    return b"".join(struct.pack("=HBBI", *line) for line in code)


def _prctl(option: int, *arguments: object) -> int:
    # All four as full words: the kernel reads unused arguments too.
    words = (ctypes.c_ulong(a) if isinstance(a, int) else a for a in (*arguments, 0, 0, 0)[:4])
    return int(ctypes.CDLL(None).prctl(option, *words))
