"""What the process that reads strangers' files takes from itself before it starts.

Everywhere: limits on memory, processor time and written files, and a hook that refuses network,
programs and changes to files to Python code. That limits honest code and accidents; it does not
jail code that a damaged file took over. On Linux ``linux_jail`` does, where the kernel offers it;
``python -m shapelab.core.inputs.process_limits`` says which of both holds here.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Literal

from shapelab.core.inputs import linux_jail

MEMORY_BYTES = 2 * 2**30
CPU_SECONDS = 30  # the parent's wall clock is shorter; this one still bites if the parent died

# Events of Python's audit hooks that reading geometry or a picture never needs.
_FORBIDDEN = (
    "socket.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "os.kill",
    "os.ch",  # chmod, chown, chflags, chdir, chroot
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "os.truncate",
    "os.utime",
    "os.startfile",
    "shutil.",
    "urllib.",
    "webbrowser.",
)


def enter() -> Literal["jail", "limits"]:
    """Caps memory, processor time and files, and forbids network, processes and writing.

    Memory: RLIMIT_AS on Linux; a job object on Windows; macOS enforces neither, so there the
    size caps of the readers and the parent's time limit have to do.

    Returns:
        "jail" where the kernel enforces it, also against machine code; else "limits".
    """
    _limit_windows()
    _limit_posix()
    sys.dont_write_bytecode = True  # a late import shall not try, and leave half a file
    jailed = linux_jail.enter()
    sys.addaudithook(_audit)
    return "jail" if jailed else "limits"


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event.startswith(_FORBIDDEN):
        raise PermissionError(f"{event} is not allowed while a file is read")
    if event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
        raise PermissionError("writing is not allowed while a file is read")


def _limit_posix() -> None:
    if sys.platform == "win32":
        return
    import resource

    limits = [
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_AS, MEMORY_BYTES),
    ]
    for which, value in limits:
        hard = resource.getrlimit(which)[1]
        cap = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(which, (cap, cap))
        except (OSError, ValueError):
            continue  # macOS refuses RLIMIT_AS; the other guards remain


def _limit_windows() -> None:
    """Puts this process into a job object with a memory limit; ends it with its last handle."""
    if sys.platform != "win32":
        return
    import ctypes
    from ctypes import wintypes

    class Basic(ctypes.Structure):
        _fields_ = [
            ("process_time", ctypes.c_int64),
            ("job_time", ctypes.c_int64),
            ("flags", wintypes.DWORD),
            ("minimum_set", ctypes.c_size_t),
            ("maximum_set", ctypes.c_size_t),
            ("processes", wintypes.DWORD),
            ("affinity", ctypes.c_size_t),
            ("priority", wintypes.DWORD),
            ("scheduling", wintypes.DWORD),
        ]

    class Extended(ctypes.Structure):
        _fields_ = [
            ("basic", Basic),
            ("io", ctypes.c_uint64 * 6),
            ("process_memory", ctypes.c_size_t),
            ("job_memory", ctypes.c_size_t),
            ("peak_process", ctypes.c_size_t),
            ("peak_job", ctypes.c_size_t),
        ]

    process_time, process_memory, extended = 0x2, 0x100, 9
    kernel: Any = ctypes.WinDLL("kernel32")
    kernel.CreateJobObjectW.restype = wintypes.HANDLE
    kernel.GetCurrentProcess.restype = wintypes.HANDLE
    job = wintypes.HANDLE(kernel.CreateJobObjectW(None, None))
    limits = Extended()
    limits.basic.flags = process_memory | process_time
    limits.basic.process_time = CPU_SECONDS * 10_000_000  # units of 100 ns
    limits.process_memory = MEMORY_BYTES
    # A failure leaves the size caps and the time limit; the file is read all the same.
    kernel.SetInformationJobObject(job, extended, ctypes.byref(limits), ctypes.sizeof(limits))
    kernel.AssignProcessToJobObject(job, wintypes.HANDLE(kernel.GetCurrentProcess()))


if __name__ == "__main__":
    sys.stdout.write(enter() + "\n")
