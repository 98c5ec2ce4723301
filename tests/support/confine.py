"""Start a program under the limits of a systemd unit, as far as they can be had without systemd and without root.

    python confine.py UNIT WRITABLE_FOLDER PROGRAM ARGUMENT…

Enforced: system calls and their groups, address families, no memory that is writable and executable, no namespaces, no
capabilities, no new privileges, files read-only but for one folder, the umask. Not enforced: what is hidden (homes, devices,
/proc), which the program would merely not find, and the limits of the kernel's own that the empty capability set implies.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

__all__ = ["confine"]

LIBC: Final = ctypes.CDLL(None, use_errno=True)
UNSHARE: Final = 0x00020000 | 0x08000000 | 0x10000000  # CLONE_NEWNS, NEWIPC, NEWUSER
NAMESPACES: Final = 0x7E020000  # every CLONE_NEW…
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
MOUNT_FLAGS: Final = {"nosuid": 2, "nodev": 4, "noexec": 8, "noatime": 1024, "relatime": 1 << 21}
KERNELS_OWN: Final = ("/proc", "/sys", "/dev")
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, LAST_CAPABILITY = 24, 38, 40
PROT_WRITE, PROT_EXEC = 2, 4
# libseccomp: what to do, and how to compare an argument (seccomp_rule_add(3))
ALLOW: Final = 0x7FFF0000
EPERM: Final = 0x00050001
ENOSYS: Final = 0x00050026
EQUALS, MASKED_EQUALS = 4, 7


class Compare(ctypes.Structure):
    """One argument of a system call and what it must be."""

    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def confine(unit: Path, writable: Path) -> None:
    """Put this process, and whatever it becomes, under the limits of a unit."""
    settings = read(unit)
    only = {name: values[-1] for name, values in settings.items()}
    assert only["ProtectSystem"] == "strict"
    assert only["CapabilityBoundingSet"] == ""
    calls = syscalls(settings["SystemCallFilter"])
    os.umask(int(only["UMask"], 8))
    enter_namespaces()
    make_read_only(writable)
    for capability in range(LAST_CAPABILITY + 1):
        check(LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0))
    check(LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    filter_calls(calls, only["RestrictAddressFamilies"].split())


def read(unit: Path) -> dict[str, list[str]]:
    """Return a unit's settings, each with all of its values."""
    settings: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        name, found, value = line.partition("=")
        if found and not line.startswith("#"):
            settings.setdefault(name, []).append(value)
    return settings


def syscalls(rules: list[str]) -> set[str]:
    """Return the system calls that the unit allows: its groups as systemd itself knows them."""
    allowed: set[str] = set()
    for rule in rules:
        names = {call for word in rule.removeprefix("~").split() for call in members(word)}
        allowed = allowed - names if rule.startswith("~") else allowed | names
    return allowed


def members(word: str) -> set[str]:
    """Return the calls of a group, or the call itself."""
    if not word.startswith("@"):
        return {word}
    command = ["systemd-analyze", "syscall-filter", "--no-pager", word]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[1:]
    words = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    return {call for each in words for call in members(each)}


def enter_namespaces() -> None:
    """Become root of a user namespace with mounts of its own, which needs no right outside."""
    uid, gid = os.getuid(), os.getgid()
    check(LIBC.unshare(UNSHARE))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    check(LIBC.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))


def make_read_only(writable: Path) -> None:
    """Make every file system read-only, except for one folder and what the kernel keeps."""
    folder = os.fsencode(writable)
    check(LIBC.mount(folder, folder, None, MS_BIND, None))
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        target, options = line.split()[4:6]
        if target != str(writable) and not target.startswith(KERNELS_OWN):
            kept = sum(flag for name, flag in MOUNT_FLAGS.items() if name in options.split(","))
            check(LIBC.mount(None, os.fsencode(target), None, MS_REMOUNT | MS_BIND | MS_RDONLY | kept, None))


def filter_calls(calls: set[str], families: list[str]) -> None:
    """Allow these system calls and sockets of these families, and no memory that is writable and executable."""
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(EPERM))

    def rule(action: int, name: str, *compares: Compare) -> None:
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # not one of another architecture
            array: Any = (Compare * len(compares))(*compares)
            check(-library.seccomp_rule_add_array(context, action, number, len(compares), array))

    for name in calls - {"socket", "mmap", "mprotect", "pkey_mprotect", "clone", "clone3", "unshare", "setns"}:
        rule(ALLOW, name)
    for family in families:
        rule(ALLOW, "socket", Compare(0, EQUALS, getattr(socket, family), 0))
    for bits in (0, PROT_WRITE, PROT_EXEC):
        rule(ALLOW, "mmap", Compare(2, MASKED_EQUALS, PROT_WRITE | PROT_EXEC, bits))
    for name in ("mprotect", "pkey_mprotect"):
        rule(ALLOW, name, Compare(2, MASKED_EQUALS, PROT_EXEC, 0))
    rule(ALLOW, "clone", Compare(0, MASKED_EQUALS, NAMESPACES, 0))
    rule(ENOSYS, "clone3")  # its flags cannot be seen; the C library then calls the other one
    check(-library.seccomp_load(context))


def check(result: int) -> None:
    """Raise what the C library or libseccomp says went wrong."""
    if result != 0:
        raise OSError(ctypes.get_errno() or abs(result), f"confine: {os.strerror(ctypes.get_errno() or abs(result))}")


if __name__ == "__main__":
    confine(Path(sys.argv[1]), Path(sys.argv[2]))
    os.execv(sys.argv[3], sys.argv[3:])  # noqa: S606 - what was asked for
