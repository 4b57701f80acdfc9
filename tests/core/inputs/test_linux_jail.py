"""What the reader's child cannot do, tried by Python and by C, and the filter of each machine."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from shapelab.core.inputs import linux_jail, untrusted_reader, untrusted_worker

ALLOW, DENY, NO_SUCH_CALL = 0x7FFF0000, 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def kernel_offers_it() -> bool:
    """Asked without the code under test: EFAULT for a filter at address 0 means "yes"."""
    if not sys.platform.startswith("linux") or os.uname().machine not in AUDIT_ARCH:
        return False
    ask = (
        "import ctypes; libc = ctypes.CDLL(None, use_errno=True); libc.prctl(38, 1, 0, 0, 0);"
        "landlock = libc.syscall(444, None, 0, 1); seccomp = libc.prctl(22, 2, None);"
        "print(landlock, seccomp, ctypes.get_errno())"
    )
    words = subprocess.check_output([sys.executable, "-c", ask], text=True, timeout=60).split()
    return int(words[0]) > 0 and words[1:] == ["-1", str(errno.EFAULT)]


jail = pytest.mark.skipif(not kernel_offers_it(), reason="this system has no jail to offer")

# `c` calls a function of the C library; it gives errno, or 0 if that worked.
PRELUDE = """
import ctypes, os, sys
from shapelab.core.inputs import process_limits
here, stranger = sys.argv[1].encode(), int(sys.argv[2])
libc = ctypes.CDLL(None, use_errno=True)
def c(name, *arguments):
    return ctypes.get_errno() if getattr(libc, name)(*arguments) < 0 else 0
assert process_limits.enter() == "jail"
"""
BY_C = {
    "read another file": "c('open', here + b'/secret', os.O_RDONLY)",
    "list another folder": "c('open', here, os.O_RDONLY | os.O_DIRECTORY)",
    "read by openat": "c('openat', -100, here + b'/secret', os.O_RDONLY)",
    "read the passwords": "c('open', b'/etc/passwd', os.O_RDONLY)",
    "read another's memory": "c('open', b'/proc/%d/mem' % stranger, os.O_RDONLY)",
    "write": "c('open', here + b'/secret', os.O_WRONLY)",
    "append": "c('open', here + b'/secret', os.O_RDWR | os.O_APPEND)",
    "empty by reading": "c('open', here + b'/secret', os.O_RDONLY | os.O_TRUNC)",
    "create": "c('creat', here + b'/new', 0o600)",
    "create a nameless file": "c('open', here, os.O_TMPFILE | os.O_RDWR, 0o600)",
    "write where Python lies": "c('open', os.__file__.encode(), os.O_WRONLY)",
    "write its own memory": "c('open', b'/proc/self/mem', os.O_RDWR)",
    "openat2": "c('syscall', 437, -100, here + b'/secret', bytes(24), 24)",
    "truncate": "c('truncate', here + b'/secret', ctypes.c_long(0))",
    "make a folder": "c('mkdir', here + b'/new', 0o700)",
    "make a pipe": "c('mkfifo', here + b'/new', 0o600)",
    "link": "c('link', here + b'/secret', here + b'/new')",
    "link symbolically": "c('symlink', here + b'/secret', here + b'/new')",
    "delete": "c('unlink', here + b'/secret')",
    "delete a folder": "c('rmdir', here + b'/empty')",
    "rename": "c('rename', here + b'/secret', here + b'/new')",
    "change rights": "c('chmod', here + b'/secret', 0o777)",
    "change the owner": "c('chown', here + b'/secret', 1, 1)",
    "mount": "c('mount', b'x', here, b'tmpfs', 0, None)",
    "memory as a file": "c('memfd_create', b'x', 0)",
    "internet": "c('socket', 2, 1, 0)",
    "internet by IPv6": "c('socket', 10, 2, 0)",
    "sockets of this machine": "c('socket', 1, 1, 0)",
    "io_uring": "c('syscall', 425, 8, bytes(120))",
    "run a program": "c('execve', b'/bin/true', None, None)",
    "a shell": "int(libc.system(b'true') != 0)",
    "fork": "c('fork')",
    "clone3": "c('syscall', 435, bytes(88), 88)",
    "own namespace": "c('unshare', 0x10000000)",
    "end another process": "c('kill', stranger, 9)",
    "signal a thread of another": "c('tgkill', stranger, stranger, 9)",
    "end all processes": "c('kill', -1, 0)",
    "debug another process": "c('ptrace', 16, stranger, None, None)",
    "look at another's memory": "c('process_vm_readv', stranger, None, 0, None, 0, 0)",
    "higher limits": "c('setrlimit', 9, bytes(16))",
    "another filter": "c('prctl', 22, 2, None, 0, 0)",
    "another user": "c('setuid', 65534)",
    "a signal through a pipe": "c('fcntl', 0, 8, stranger)",
}


@jail
def test_nothing_gets_out_by_c(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "empty").mkdir()
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        lines = [f"print({code})" for code in BY_C.values()]
        done = inside("\n".join(lines), tmp_path, stranger.pid)
        answers = [int(word) for word in done.stdout.split()]
        assert len(answers) == len(BY_C), done.stderr
        refusals = (errno.EPERM, errno.EACCES, errno.ENOSYS)
        pairs = zip(BY_C, answers, strict=True)
        assert [name for name, answer in pairs if answer not in refusals] == []
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.communicate()
    assert {path.name for path in tmp_path.iterdir()} == {"secret", "empty"}
    assert (tmp_path / "secret").read_text() == "secret"


@jail
@pytest.mark.parametrize(
    "code",
    [
        "os.mkdir(here + b'/new')",
        "os.symlink(here + b'/secret', here + b'/new')",
        "os.mkfifo(here + b'/new')",
        "os.remove(here + b'/secret')",
        "os.chmod(here + b'/secret', 0o777)",
        "open(here + b'/secret')",
        "open(here + b'/new', 'w')",
        "os.listdir(here)",
        "os.fork() or os.execv('/bin/true', ['true'])",
        "os.kill(stranger, 9)",
        "import subprocess; subprocess.run(['/bin/true'])",
        "import multiprocessing.shared_memory as m; m.SharedMemory(create=True, size=9)",
        "import socket; socket.create_connection(('127.0.0.1', 9))",
    ],
)
def test_nothing_gets_out_by_python(code: str, tmp_path: Path) -> None:
    """With the audit hook away, which a captured child could take away too."""
    (tmp_path / "secret").touch()
    done = inside(code, tmp_path, os.getpid(), before="process_limits._audit = lambda *_: None")
    assert "PermissionError" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


@jail
def test_what_reading_needs_stays(tmp_path: Path) -> None:
    """Late imports, also of compiled modules; threads; large memory; an end by abort()."""
    code = """
import threading, time, random, zipfile, sqlite3, numpy as np
import lxml.etree, scipy.io, PIL.WebPImagePlugin
thread = threading.Thread(target=time.sleep, args=(0.001,))
thread.start()
thread.join(20)
assert not thread.is_alive() and np.ones(10**7).sum() == 1e7 and os.urandom(2)
sys.stdout.write("done")
sys.stdout.flush()
os.abort()
"""
    done = inside(code, tmp_path, os.getpid())
    assert (done.stdout, done.stderr) == ("done", "")
    assert done.returncode < 0


@jail
@pytest.mark.parametrize("suffix", [".png", ".obj", ".3mf", ".npy", ".mat"])
def test_the_reader_s_child_is_in_it(suffix: str) -> None:
    """With the libraries that it loads before, none of which may leave a thread."""
    code = (
        "from shapelab.core.inputs import process_limits, untrusted_worker\n"
        "enter = process_limits.enter\n"
        "process_limits.enter = lambda: sys.stderr.write(enter())\n"
        "untrusted_worker.serve(sys.argv[1])"
    )
    child = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}", suffix],
        input=untrusted_worker.REQUEST.pack(suffix.encode(), 1, 0) + b"x",
        env={**os.environ, **untrusted_reader.ONE_THREAD},
        capture_output=True,
        timeout=200,
        check=False,
    )
    assert child.stderr == b"jail"
    assert child.stdout


@jail
def test_the_command_says_so() -> None:
    command = [sys.executable, "-m", "shapelab.core.inputs.process_limits"]
    assert subprocess.check_output(command, text=True, timeout=60) == "jail\n"


@jail
@pytest.mark.parametrize("refused", ["prctl(38)", "landlock", "seccomp", "no /proc"])
def test_where_the_kernel_refuses_a_part_the_limits_stay(refused: str, tmp_path: Path) -> None:
    """As in containers, and with older kernels: no error, and no promise that is not kept."""
    code = f"""
import ctypes, sys
from pathlib import Path
from shapelab.core.inputs import linux_jail, process_limits
if {refused!r} == "no /proc":
    linux_jail.os.listdir = lambda path: open("/no/such/file")
if {refused!r} == "landlock":
    linux_jail._CREATE_RULESET = 9999
if {refused!r} == "seccomp":
    linux_jail._SET_MODE_FILTER = 99
if {refused!r} == "prctl(38)":
    linux_jail._PR_SET_NO_NEW_PRIVS = 9999
print(process_limits.enter(), flush=True)
open("new", "w")
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(linux_jail.__file__).parents[3])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "limits\n"
    assert done.stderr.strip().endswith(
        "PermissionError: writing is not allowed while a file is read"
    )
    assert not list(tmp_path.iterdir())


def inside(
    code: str, folder: Path, stranger: int, before: str = ""
) -> subprocess.CompletedProcess[str]:
    """Runs code in a process that has entered the jail."""
    prelude = PRELUDE.replace("assert", f"{before}\nassert")
    return subprocess.run(
        [sys.executable, "-c", prelude + code, str(folder), str(stranger)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def verdict(machine: str, number: int, *arguments: int, arch: int | None = None) -> int:
    """What a kernel would answer: the filter run step by step."""
    call = struct.pack("=iIQ", number, arch or AUDIT_ARCH[machine], 0)
    data = call + b"".join(struct.pack("=Q", a) for a in (*arguments, *[0] * 6)[:6])
    steps = linux_jail.program(machine)
    value = at = 0
    while True:
        code, if_true, if_false, constant = steps[at]
        at += 1
        if code == 0x06:
            return constant
        if code == 0x20:
            value = struct.unpack_from("=I", data, constant)[0]
            continue
        true = {0x15: value == constant, 0x35: value >= constant, 0x45: value & constant}[code]
        at += if_true if true else if_false


# Name, number on x86_64, on aarch64, from the kernel's asm/unistd_64.h and asm-generic/unistd.h.
FORBIDDEN = """
socket 41 198     connect 42 203    execve 59 221      execveat 322 281  kill 62 129
tgkill 234 131    ptrace 101 117    mkdirat 258 34     unlinkat 263 35   symlinkat 266 36
renameat2 316 276 ioctl 16 29       prlimit64 302 261  fcntl 72 25       mount 165 40
bpf 321 280       memfd_create 319 279   process_vm_writev 311 271       truncate 76 45
"""


@pytest.mark.parametrize(
    ("machine", "read", "opening", "clone", "column"),
    [("x86_64", 0, 257, 56, 1), ("aarch64", 63, 56, 220, 2)],
)
def test_the_filter_of_each_machine(
    machine: str, read: int, opening: int, clone: int, column: int
) -> None:
    assert verdict(machine, read) == ALLOW
    for flags in (0, 0o2000000, 0o200000):  # O_RDONLY, O_CLOEXEC, O_DIRECTORY
        assert verdict(machine, opening, 0, 0, flags) == ALLOW
    for flags in (0o1, 0o2, 0o3, 0o100, 0o1000, 0o20200002):
        assert verdict(machine, opening, 0, 0, flags) == DENY
    assert verdict(machine, clone, 0x3D0F00) == ALLOW  # a thread of the C library
    assert verdict(machine, clone, 17) == DENY  # fork
    assert verdict(machine, clone, 0x4111) == DENY  # vfork
    names, numbers = FORBIDDEN.split()[::3], FORBIDDEN.split()[column::3]
    answers = [verdict(machine, int(number)) for number in numbers]
    assert [n for n, answer in zip(names, answers, strict=True) if answer != DENY] == []
    assert verdict(machine, 435) == verdict(machine, 437) == NO_SUCH_CALL  # clone3, openat2
    assert verdict(machine, 0x40000000 | 257) == NO_SUCH_CALL  # of x32
    assert verdict(machine, read, arch=0x40000003) == DENY  # of i386


def test_other_systems_have_limits_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", None)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not linux_jail.enter()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("", "", "", "", "riscv64")))
    assert not linux_jail.enter()
