# SPDX-License-Identifier: GPL-2.0
"""Build the guest of the benchmark, boot it, and read what it says."""
import collections
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
O = pathlib.Path(os.environ.get("O") or ROOT / "build").resolve()
BENCH = O / "bench"
QEMU = ROOT / "tools" / "qemu"
CC = os.environ.get("CC", "gcc")

# One tick of the time stamp counter an instruction, and no randomness.  The
# class of the CPU depends on the QEMU that a machine starts.
COUNTING = ["-icount", "shift=0,sleep=off"] + [
    word
    for cpu in ("i386-cpu", "x86_64-cpu")
    for flag in ("rdrand", "rdseed")
    for word in ("-global", f"{cpu}.{flag}=off")
]
QUIET = "norandmaps"
TIMER_PERIOD = 4_000_000

GUEST_FLAGS = [
    *("-m32", "-march=i686", "-mno-sse", "-O2", "-Wall"),
    *("-static", "-nostdlib", "-fno-pic", "-no-pie", "-Wl,--build-id=none"),
    *("-fno-stack-protector", "-fcf-protection=none"),
    *("-idirafter", "/usr/include/x86_64-linux-gnu"),
]
PLUGIN_FLAGS = ["-O2", "-Wall", "-shared", "-fPIC", "-fvisibility=hidden"]

# Take what the last boots left, instead of booting.
reuse = False

Case = collections.namedtuple(
    "Case", "name kernel machine reference memory append limits aims title"
)
Boot = collections.namedtuple("Boot", "ticks ops drained windows files")


def die(text):
    sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {text}")


def say(text):
    print(text, file=sys.stderr, flush=True)


# Cases


def bound(text):
    """The highest ratio that a limit allows: 1.5% is 1.015, 2x is 2."""
    m = re.fullmatch(r"(\d+(?:\.\d+)?)(%|x)", text)
    if not m:
        raise ValueError(f"'{text}' is neither N% nor Nx")
    return 1 + float(m[1]) / 100 if m[2] == "%" else float(m[1])


def read_cases(path=HERE / "cases"):
    cases = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        try:
            if not line[0].isspace():
                name, kernel, machine, reference, memory = words[:5]
                if reference != "-" and reference not in cases:
                    raise ValueError(f"'{reference}' is not above it")
                last = cases[name] = Case(
                    name, kernel, machine, reference, memory,
                    " ".join(words[5:]), {}, {}, [name],
                )
            elif words[0] in ("limit", "aim"):
                bounds = last.limits if words[0] == "limit" else last.aims
                for op in words[1:-1]:
                    bounds[op] = bound(words[-1])
            elif words[0] == "title":
                last.title[0] = " ".join(words[1:])
            else:
                raise ValueError(f"no '{words[0]}' is known")
        except (ValueError, NameError) as e:
            die(f"{path}:{number}: {e}")
    return cases


def kernel_dir(name):
    """The build folder of a kernel: a name of scripts/kernels, or a path."""
    path = pathlib.Path(name) if "/" in name else O / "kernel" / name
    if not (path / "arch/x86/boot/bzImage").exists():
        die(f"no kernel in {path}; run 'make build KERNEL={path.name}'")
    return path


def machine(name):
    for path in (QEMU / "machine" / name, QEMU / "xen" / name,
                 QEMU / "xen" / "machine" / name):
        if os.access(path, os.X_OK) and path.is_file():
            return path
    die(f"there is no machine {name} in {QEMU}/machine")


# Programs


def compiled(source, flags):
    """A program, compiled again when its source is newer."""
    out = BENCH / "bin" / source.stem
    if out.exists() and out.stat().st_mtime > source.stat().st_mtime:
        return out
    out.parent.mkdir(parents=True, exist_ok=True)
    cmd = [CC, *flags, "-o", out, source]
    p = subprocess.run(cmd, capture_output=True, text=True)
    if p.returncode or p.stderr:
        sys.stderr.write(p.stderr)
        die(f"cannot compile {source}; 'make deps' installs what it needs")
    return out


def pvbench():
    """The guest's program, on the C library that comes with the kernel."""
    for tree in (O / "linux", pathlib.Path(os.environ.get("LINUX") or "/-")):
        nolibc = tree / "tools" / "include" / "nolibc"
        if nolibc.is_dir():
            break
    else:
        die(f"no kernel tree in {O / 'linux'}; run 'make prepare'")
    return compiled(
        HERE / "pvbench.c",
        [*GUEST_FLAGS, "-include", nolibc / "nolibc.h", "-I", nolibc],
    )


def plugin():
    return compiled(HERE / "count.c", PLUGIN_FLAGS)


def initrd():
    """An archive that holds pvbench as init and the folders it mounts on."""
    out = BENCH / "initrd.cpio"
    entries = [(d, 0o040755, b"", 0, 0) for d in ("dev", "proc", "sys")]
    entries.append(("dev/console", 0o020600, b"", 5, 1))
    entries.append(("init", 0o100755, pvbench().read_bytes(), 0, 0))
    entries.append(("TRAILER!!!", 0, b"", 0, 0))
    data = bytearray()
    for ino, (name, mode, content, major, minor) in enumerate(entries, 1):
        name = name.encode() + b"\0"
        fields = [ino, mode, 0, 0, 1, 0, len(content), 0, 0, major, minor]
        data += b"070701"
        data += b"".join(b"%08X" % f for f in (*fields, len(name), 0))
        data += name + bytes(-(6 + 13 * 8 + len(name)) % 4)
        data += content + bytes(-len(content) % 4)
    BENCH.mkdir(parents=True, exist_ok=True)
    if not out.exists() or out.read_bytes() != data:
        out.write_bytes(data)
    return out


# Boots


def parse(path):
    """The records that pvbench wrote; a line that says why not, otherwise."""
    ops, drained, windows, files = {}, set(), {}, []
    ticks, ended = None, False
    text = path.read_text(errors="replace") if path.exists() else ""
    for line in text.replace("\r", "").splitlines():
        kind, _, rest = line.partition(" ")
        if kind in ("failed", "not"):
            return rest
        # What the hypervisor's log says is added at the end.
        if kind == "ok":
            continue
        if kind == "boot":
            ticks = int(rest)
        elif kind in ("op", "drained"):
            name, loops, *rounds = rest.split()
            if kind == "drained":
                drained.add(name)
            ops[name] = (int(loops), [int(r) for r in rounds])
        elif kind == "windows":
            windows[rest.split()[0]] = int(rest.split()[1])
        elif kind == "file":
            files.append(rest.partition(" ")[::2])
        ended = kind == "end"
    if not ended:
        return "it did not reach its end"
    return Boot(ticks, ops, drained, windows, files)


running = set()


def kill(machine):
    """End a machine that still runs, with all it started."""
    if machine.poll() is None:
        os.killpg(machine.pid, signal.SIGKILL)
        machine.wait()


def on_signal(number, _):
    """Leave no machine behind."""
    for p in list(running):
        kill(p)
    # Threads that wait for machines would keep the interpreter alive.
    os._exit(128 + number)


for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, on_signal)


def boot(case, folder, start=0, arguments="", qemu_args=(), timeout=1800):
    """Boot a case and return what it measured.

    start numbers boots that begin at different moments of the timer tick.
    """
    if reuse:
        return finished(case, folder)
    folder.mkdir(parents=True, exist_ok=True)
    for old in ("verdict", "console.log"):
        (folder / old).unlink(missing_ok=True)
    delay = start * TIMER_PERIOD // 31
    clock = ["-rtc", f"base=2020-01-01T00:00:{start:02},clock=vm"]
    env = {
        **os.environ,
        "O": str(O),
        "KERNEL": str(kernel_dir(case.kernel) / "arch/x86/boot/bzImage"),
        "INITRD": str(initrd()),
        "APPEND": f"{QUIET} {case.append} -- delay={delay} {arguments}",
        "SMP": "1",
        "MEMORY": case.memory,
        "DIR": str(folder),
        "QEMU_ARGS": shlex.join([*COUNTING, *clock, *qemu_args]),
    }
    with open(folder / "console.log", "wb") as console:
        p = subprocess.Popen(
            [machine(case.machine)], stdin=subprocess.DEVNULL,
            stdout=console, stderr=console, env=env, start_new_session=True,
        )
        running.add(p)
        try:
            p.wait(timeout)
        except subprocess.TimeoutExpired:
            die(f"{case.name}: no end after {timeout} s, see {folder}")
        finally:
            kill(p)
            running.discard(p)
    return finished(case, folder)


# What the kernel has to say it runs on, by the start of the machine's name.
BACKENDS = {"vmi": "VMI", "xen-pv-": "Xen PV"}


def finished(case, folder):
    """What a boot left."""
    result = parse(folder / "verdict")
    if isinstance(result, str):
        die(f"{case.name}: {result}, see {folder}/console.log")
    console = (folder / "console.log").read_text(errors="replace")
    for machine, backend in BACKENDS.items():
        if case.machine.startswith(machine) and \
                f"paravirt: {backend}:" not in console:
            die(f"{case.name}: the kernel does not run on {backend}, "
                f"see {folder}/console.log")
    return result


# Kinds of executed instructions; of those, calls of Xen and emulated writes.
Window = collections.namedtuple(
    "Window", "program kernel hypervisor hypercalls emulated")
Counts = collections.namedtuple("Counts", "boot before windows insns")
Insn = collections.namedtuple("Insn", "address count size code text")


# Where Xen carries out a guest's write to one of its page tables, which it
# maps read-only.
EMULATORS = ("ptwr_emulated_write", "ptwr_emulated_cmpxchg")


def emulators(case):
    """Addresses of EMULATORS in the Xen that a case boots on; [] if on none."""
    if not case.machine.startswith("xen-pv-"):
        return []
    cache = os.environ.get("CACHE") or pathlib.Path(
        os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    ) / "paravirt-i386"
    syms = (pathlib.Path(cache) / "xen" / os.environ.get("XEN", "release")
            / "xen-syms")
    p = subprocess.run(["nm", syms], capture_output=True, text=True)
    found = [line.split()[0] for line in p.stdout.splitlines()
             if line.split()[-1] in EMULATORS]
    if len(found) != len(EMULATORS):
        die(f"no {' or '.join(EMULATORS)} in {syms}")
    return found


def count(case, folder, start, stop, arguments):
    """Boot a case and count instructions from one address to another.

    windows has a Window for each time that happened, before is one of what
    came before the first.
    """
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / "counts"
    if not reuse:
        out.unlink(missing_ok=True)
    result = boot(case, folder, 0, arguments, [
        "-plugin", ",".join([
            str(plugin()), f"start={start:x}", f"stop={stop:x}", f"out={out}",
            *(f"emulation={address}" for address in emulators(case)),
        ]),
    ])
    before, windows, insns = None, [], []
    for line in out.read_text().splitlines():
        numbers, _, text = line.partition("\t")
        words = numbers.split()
        if words[0] in ("before", "window"):
            window = Window(*map(int, words[1:]))
            if words[0] == "window":
                windows.append(window)
            else:
                before = window
            continue
        insns.append(Insn(int(words[1], 16), int(words[0]),
                          len(words[2]) // 2, words[2],
                          " ".join(text.split())))
    insns.sort(key=lambda i: (i.address, i.code))
    if not windows:
        die(f"{case.name}: nothing ran between {start:x} and {stop:x}")
    return Counts(result, before, windows, insns)
