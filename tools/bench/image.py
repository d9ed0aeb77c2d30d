# SPDX-License-Identifier: GPL-2.0
"""What a built kernel weighs, how many patch sites it has, what they cost."""
import collections
import itertools
import re
import struct
import subprocess

import guest
from guest import Case, die

# struct alt_instr: site and replacement, relative; feature and flags; lengths.
ALT = struct.Struct("<iiHHBB")
ALT_FLAG_DIRECT_CALL = 2

Site = collections.namedtuple("Site", "address size replacement feature flags")
Section = collections.namedtuple("Section", "name address offset size flags")


def symbols(path):
    """[(address, size, name)] of functions and labels, by address.

    Of names with one address, that of a function is the first.
    """
    p = subprocess.run(["nm", "-nS", path], check=True, capture_output=True,
                       text=True)
    found = []
    for line in p.stdout.splitlines():
        m = re.match(r"(\w+) (?:(\w+) )?([tTwWvV]) (.*)", line)
        if m:
            found.append((int(m[1], 16), int(m[2] or "0", 16), m[4]))
    return sorted(found, key=lambda s: (s[0], not s[1]))


class Elf:
    """An ELF32 program."""

    def __init__(self, path):
        if not path.exists():
            die(f"{path} is missing; run 'make build KERNEL={path.parent.name}'")
        self.path = path
        self.data = path.read_bytes()
        if self.data[:5] != b"\x7fELF\x01":
            die(f"{path} is not a 32-bit program")
        self.sections = self._sections()
        self._symbols = None

    def _sections(self):
        offset, = struct.unpack_from("<I", self.data, 32)
        size, count, names = struct.unpack_from("<HHH", self.data, 46)
        heads = [
            struct.unpack_from("<10I", self.data, offset + i * size)
            for i in range(count)
        ]
        strings = heads[names][4]
        out = {}
        for name, kind, flags, address, off, length, *_ in heads:
            end = self.data.index(b"\0", strings + name)
            text = self.data[strings + name : end].decode()
            # SHT_NOBITS has no contents.
            out[text] = Section(text, address, None if kind == 8 else off,
                                length, flags)
        return out

    def section(self, name):
        """The contents of a section, empty when there is none."""
        s = self.sections.get(name)
        return self.data[s.offset : s.offset + s.size] if s else b""

    def bytes_at(self, address, size):
        for s in self.sections.values():
            if s.offset and s.address and 0 <= address - s.address < s.size:
                at = s.offset + address - s.address
                return self.data[at : at + size]
        return b""

    @property
    def symbols(self):
        """What symbols() says, asked once."""
        if self._symbols is None:
            self._symbols = symbols(self.path)
        return self._symbols

    def symbol(self, name):
        """(address, size) of a symbol, None when there is none."""
        for address, size, text in self.symbols:
            if text == name:
                return address, size
        return None


class Image(Elf):
    """The vmlinux of a kernel."""

    def __init__(self, kernel):
        super().__init__(guest.kernel_dir(kernel) / "vmlinux")

    def sites(self):
        """The patch sites: what alternatives change at boot."""
        s = self.sections.get(".altinstructions")
        out = []
        for i, entry in enumerate(ALT.iter_unpack(
                self.section(".altinstructions"))):
            site, new, feature, flags, size, _ = entry
            here = s.address + i * ALT.size
            out.append(Site(here + site, size, here + 4 + new, feature, flags))
        return out

    def call_of(self, caller, callee):
        """Address of the instruction after the call of callee in caller."""
        where, target = self.symbol(caller), self.symbol(callee)
        if not where or not target:
            die(f"{self.path}: no {caller} or no {callee}")
        code = self.bytes_at(*where)
        for i in range(len(code) - 4):
            relative, = struct.unpack_from("<i", code, i + 1)
            after = where[0] + i + 5
            if code[i] == 0xE8 and (after + relative) % 2**32 == target[0]:
                return after
        die(f"{self.path}: {caller} does not call {callee}")


def config(kernel):
    text = (guest.kernel_dir(kernel) / ".config").read_text()
    return dict(re.findall(r"^(CONFIG_\w+)=(.*)$", text, re.M))


# Options that go with a hypervisor; the others had better be the same.
PARAVIRT = re.compile(
    r"CONFIG_(.*(XEN|PARAVIRT|PVH|KVM_GUEST|HVC|VMI_|HYPERV|HYPERVISOR|"
    r"HALTPOLL|VMMOUSE|X86_HV_).*)$"
)


def differences(kernels):
    """Lines that name what else than paravirtualisation differs."""
    names = list(dict.fromkeys(kernels))
    first = config(names[0])
    for name in names[1:]:
        other = config(name)
        odd = sorted(
            key[7:] for key in {*first, *other}
            if first.get(key) != other.get(key) and not PARAVIRT.match(key)
        )
        if odd:
            yield (f"{names[0]} and {name} also differ in: "
                   + " ".join(odd) + ".")


def patching(kernel, folder):
    """Instructions that applying the alternatives takes."""
    vmlinux = Image(kernel)
    name = vmlinux.path.parent.name
    case = Case(name, kernel, "bare", "-", "256", "", {}, {}, [])
    start = vmlinux.symbol("alternative_instructions")[0]
    stop = vmlinux.call_of("arch_cpu_finalize_init",
                           "alternative_instructions")
    counts = guest.count(case, folder / f"patching-{name}", start, stop,
                         "ops=empty rounds=1")
    return sum(w.program + w.kernel + w.hypervisor for w in counts.windows)


def split(case, folder):
    """{op: Window of a repetition}, and "before" all of them"""
    program = Elf(guest.pvbench())
    counts = guest.count(
        case, folder / f"split-{case.name}", program.symbol("mark_begin")[0],
        program.symbol("mark_end")[0], "rounds=1")
    windows = iter(counts.windows)
    out = {"before": counts.before}
    for op, (loops, _) in counts.boot.ops.items():
        mine = itertools.islice(windows, counts.boot.windows[op])
        sums = [sum(part) for part in zip(*mine)]
        if op == "drain":
            drain = sums
        if op in counts.boot.drained:
            sums = [s - d for s, d in zip(sums, drain)]
        out[op] = guest.Window(*(s / loops for s in sums))
    return out


def facts(kernel):
    """Cells: text, rodata, data, bss, bzImage, sites, paravirt's."""
    vmlinux = Image(kernel)

    def total(pattern):
        return sum(s.size for s in vmlinux.sections.values()
                   if s.flags & 2 and re.fullmatch(pattern, s.name))

    sites = vmlinux.sites()
    numbers = [
        total(r"\.text"),
        total(r"\.rodata|__ksymtab.*|__ex_table|\.orc.*"),
        total(r"\.data|\.data\.\.percpu|\.data_nosave"),
        total(r"\.bss|\.brk"),
        (vmlinux.path.parent / "arch/x86/boot/bzImage").stat().st_size,
        len({s.address for s in sites}),
        len({s.address for s in sites if s.flags & ALT_FLAG_DIRECT_CALL}),
    ]
    return [f"{n:,}" for n in numbers]
