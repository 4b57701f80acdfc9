"""Linux: takes from this process, for ever, what reading a file that is in memory never needs.

A seccomp filter lists the system calls that stay: computing, memory, threads of this process, open
files, and opening others read-only. All others fail, also from C code that was captured by a
damaged file: sockets, starting programs, writing, folders, links, signals. Landlock lets only
Python's own folders be opened, for modules that are imported late; that a file exists, and how
large it is, can still be seen.

Sources: kernel documentation ``userspace-api/seccomp_filter`` and ``userspace-api/landlock``, and
the headers ``linux/{audit,bpf_common,landlock,sched,seccomp,prctl}.h`` and ``asm/unistd.h``.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import stat
import struct
import sys
from pathlib import Path

# Of each kind of machine: its column below, AUDIT_ARCH_*, and the numbers of seccomp(2), open(2),
# openat(2) and clone(2). The x32 calls of x86_64 have numbers of their own, which none here equals.
_MACHINES = {
    "x86_64": (1, 0xC000003E, 317, 2, 257, 56),
    "aarch64": (2, 0xC00000B7, 277, -1, 56, 220),
}
# Name, number on x86_64, on aarch64; -1 where it is not. Which ones reading really takes was
# measured; the others are what other versions of libc and Python call for the same.
_ALLOWED = """
read 0 63                write 1 64                 close 3 57            lseek 8 62
pread64 17 67            readv 19 65                writev 20 66          fstat 5 80
stat 4 -1                lstat 6 -1                 newfstatat 262 79     statx 332 291
access 21 -1             faccessat 269 48           readlink 89 -1        readlinkat 267 78
getdents64 217 61        getcwd 79 17               mmap 9 222            mprotect 10 226
munmap 11 215            brk 12 214                 mremap 25 216         madvise 28 233
rt_sigaction 13 134      rt_sigprocmask 14 135      rt_sigreturn 15 139   sigaltstack 131 132
sched_yield 24 124       sched_getaffinity 204 123  getcpu 309 168        nanosleep 35 101
clock_nanosleep 230 115  clock_gettime 228 113      clock_getres 229 114  gettimeofday 96 169
time 201 -1              times 100 153              getrusage 98 165      getpid 39 172
gettid 186 178           getuid 102 174             geteuid 107 175       getgid 104 176
getegid 108 177          uname 63 160               sysinfo 99 179        futex 202 98
set_robust_list 273 99   rseq 334 293               membarrier 324 283    getrandom 318 278
restart_syscall 219 128  exit 60 93                 exit_group 231 94     select 23 -1
pselect6 270 72          poll 7 -1                  ppoll 271 73
"""
# From here on all machines share the numbers. None is allowed: "no such call" makes libraries fall
# back to older ones whose flags a filter can see (clone3 and openat2 keep theirs in memory).
_NEWER = 424
_WRITING = 0o3 | 0o100 | 0o1000  # O_ACCMODE (O_RDONLY is 0), O_CREAT, O_TRUNC
_CLONE_THREAD = 0x10000

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # codes of classic BPF
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000  # SECCOMP_RET_*
_DENY, _NO_SUCH_CALL = _ERRNO | errno.EPERM, _ERRNO | errno.ENOSYS

_PR_SET_NO_NEW_PRIVS, _SET_MODE_FILTER, _TSYNC = 38, 1, 1
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # landlock_*, on all machines
_RULESET_VERSION, _PATH_BENEATH = 1, 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3  # LANDLOCK_ACCESS_FS_*
_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}  # how many rights each version knows; 16 from version 5


def enter() -> bool:
    """Locks this process in; it lasts until its end. To be called before it has other threads.

    Returns:
        Whether all of it holds. False on other systems and machines, in a container that refuses
        it and on kernels before 5.13; what did work stays in force.
    """
    if not sys.platform.startswith("linux") or os.uname().machine not in _MACHINES:
        return False
    if sys.maxsize < 2**32:  # a 32-bit Python, which the filter would not even let end
        return False
    libc = ctypes.CDLL(None)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    try:
        reads_only_python = _landlock(libc)  # first: the filter ends landlock_* too
    except OSError:  # no /proc
        reads_only_python = False
    return _filter(libc, os.uname().machine) and reads_only_python


def _landlock(libc: ctypes.CDLL) -> bool:
    """Lets nothing be opened but Python's own folders, for reading."""
    version = libc.syscall(_CREATE_RULESET, None, 0, _RULESET_VERSION)
    if version < 1 or len(os.listdir("/proc/self/task")) > 1:  # it would not hold for the others
        return False
    every_right = (1 << _RIGHTS.get(version, 16)) - 1
    ruleset = libc.syscall(_CREATE_RULESET, struct.pack("=Q", every_right), 8, 0)
    if ruleset < 0:
        return False
    for place in _python_folders():
        try:
            opened = os.open(place, os.O_PATH)
        except OSError:
            continue  # sys.path names folders that are not there
        folder = stat.S_ISDIR(os.fstat(opened).st_mode)
        rule = struct.pack("=Qi", _READ_FILE | (_READ_DIR if folder else 0), opened)
        libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
        os.close(opened)
    done: int = libc.syscall(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    return done == 0


def _python_folders() -> set[str]:
    """Where modules lie, and the shared libraries that they load."""
    libraries = re.findall(r" (/.*)/[^/\n]+\.so", Path("/proc/self/maps").read_text())
    shapelab = str(Path(__file__).parents[2])
    # The first of sys.path is the current folder, which may hold more than modules.
    return {shapelab, "/etc/ld.so.cache", *libraries, *filter(None, sys.path[1:])}


def _filter(libc: ctypes.CDLL, machine: str) -> bool:
    code = b"".join(struct.pack("HBBI", *step) for step in program(machine))
    steps = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("HP", len(code) // 8, ctypes.addressof(steps))  # struct sock_fprog
    done: int = libc.syscall(_MACHINES[machine][2], _SET_MODE_FILTER, _TSYNC, head)
    return done == 0


def program(machine: str) -> list[tuple[int, int, int, int]]:
    """The filter: (code, steps to skip if true, if false, constant) of classic BPF."""
    column, arch, _, open_, openat, clone = _MACHINES[machine]
    words = _ALLOWED.split()
    steps = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, arch),
        (_RETURN, 0, 0, _DENY),  # calls of a 32-bit program have other numbers
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _NEWER),
        (_RETURN, 0, 0, _NO_SUCH_CALL),
    ]
    for number in map(int, words[column::3]):
        if number >= 0:
            steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    for number, argument, bits, if_any, if_none in (
        (open_, 1, _WRITING, _DENY, _ALLOW),
        (openat, 2, _WRITING, _DENY, _ALLOW),
        (clone, 0, _CLONE_THREAD, _ALLOW, _DENY),
    ):
        if number >= 0:
            steps += [
                (_EQUAL, 0, 4, number),
                (_LOAD, 0, 0, _ARGUMENTS + 8 * argument),  # the lower half: both are little-endian
                (_ANY_BIT, 0, 1, bits),
                (_RETURN, 0, 0, if_any),
                (_RETURN, 0, 0, if_none),
            ]
    return [*steps, (_RETURN, 0, 0, _DENY)]
