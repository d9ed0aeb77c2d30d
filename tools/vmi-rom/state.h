/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The data of the ROM as C sees it. Layout numbers shared with assembly are
 * in rom.h and asserted in init.c.
 */
#ifndef VMI_ROM_STATE_H
#define VMI_ROM_STATE_H

#include "rom.h"
#include "violations.h"

/* No GOT: it would hold link-time addresses. */
#pragma GCC visibility push(hidden)

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef _Bool bool;
#define true	1
#define false	0
#define NULL	((void *)0)

#define __packed	__attribute__((packed))
#define __always_inline	inline __attribute__((always_inline))
#define asmlinkage	__attribute__((regparm(0)))
#define offsetof(t, m)	__builtin_offsetof(t, m)
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#ifdef VMI_FAST
#define CHECKING	0
#else
#define CHECKING	1
#endif

/**
 * struct rom_info - what the ROM publishes at offset 144 of itself
 *
 * Any program that can read the window finds the statistics from here.
 */
struct rom_info {
	char magic[8];
	u32 rom_phys;
	u32 state_phys;
	u32 stats_phys;
	u32 stats_size;
	u32 shadow_phys;
	u32 shadow_size;
	u16 debug_port;
	u16 config;
	u16 answers;
	u16 groups;
	u16 names;
	u16 ncalls;
	u16 code_start;
	u16 code_end;
	u16 fixups;
	u16 nfixups;
	u8 sum;
	u8 pad[3];
	u32 int15;
} __packed;

/**
 * struct stats - counters, at rom_info.stats_phys; all 32-bit, little endian
 * @magic: "vmiSTAT1", written by vmi_init
 * @ncalls: entries used in @calls
 * @nviolations: entries used in @violations
 * @total: violations of all kinds
 * @inits: successful vmi_init calls
 * @relocs: get_reloc calls
 * @cpus: CPUs that made a call that needs per-CPU data
 * @tracked: page tables registered now
 * @tracked_max: the most there ever were
 * @untracked: registrations that found no shadow memory
 * @flushes: flush points reached with deferred updates pending
 * @deferred: updates that were queued
 * @scans: registered tables compared with their shadow
 * @reserved: 0
 * @pending: updates that wait for a flush point, of all CPUs
 * @calls: calls made, by number
 * @violations: violations, by kind
 * @last: the last violation: kind, call, address or pfn, value, CPU
 * @rounds: times that the scans at flush points have been through all tables
 * @cpus_lost: CPUs that there was no room for
 */
struct stats {
	char magic[8];
	u32 ncalls;
	u32 nviolations;
	u32 total;
	u32 inits;
	u32 relocs;
	u32 cpus;
	u32 tracked;
	u32 tracked_max;
	u32 untracked;
	u32 flushes;
	u32 deferred;
	u32 scans;
	u32 reserved;
	u32 pending;
	u32 calls[80];
	u32 violations[32];
	u32 last[5];
	u32 rounds;
	u32 cpus_lost;
	u32 pad[9];
};

/* AP state of the ABI */
struct ap_state {
	u32 cr0, cr2, cr3, cr4;
	u64 efer;
	u32 eip, eflags;
	u32 eax, ebx, ecx, edx, esp, ebp, esi, edi;
	u16 cs, ss, ds, es, fs, gs, ldtr;
	u16 gdt_limit;
	u32 gdt_base;
	u32 idt_base;
	u16 idt_limit;
	u16 pad;
};

struct dtr {
	u16 limit;
	u32 base;
} __packed;

/* A descriptor table in use: where, and the sum of its entries */
struct table {
	u32 phys;
	u32 base;
	u32 limit;
	u32 sum;
};

struct linear {
	u32 va;
	u32 pages;
	u32 pfn;
};

#define NDEFER	24

/* A deferred update: the entry, and what is to be there after the flush */
struct defer {
	u32 *entry;
	u32 lo;
	u32 armed;
	u32 va;
	u32 phys;
};

struct alarm {
	bool armed;
	bool lvtt;
	bool periodic;
	u64 expiry;
	u64 period;
};

struct cpu {
	struct ap_state ap;
	u32 bridge_cr4;
	u32 bridge_cr3;
	u32 entry;
	u32 delta;
	u32 apic_id;
	u32 ap_valid;
	u32 lazy;
	u32 cr3;
	struct linear linear[4];
	struct table gdt;
	struct table idt;
	struct table ldt;
	u32 ndefer;
	struct defer defer[NDEFER];
	struct alarm alarm[2];
	/* When the timer of a wire (IRQ 0, LVTT) ends; 0 while it repeats */
	u64 deadline[2];
} __attribute__((aligned(CPU_SIZE)));

/* ROM-private globals, behind the statistics in their page */
struct globals {
	struct stats stats;
	u32 lock;
	u32 print_lock;
	u32 init_done;
	u32 delta;
	u32 rom;
	u32 debug_port;
	u32 pae;
	u32 ncpus;
	u32 tsc_khz;
	u64 tsc_start;
	u64 wall_start;
	u32 apic_khz;
	/* An alarm needs to be carried on by other calls */
	u32 chained;
	/* Where the guest maps the local APIC */
	u32 apic_base;
	/* The kernel is at CPL 1, the monitor below it */
	u32 cpl1;
	/* Linear address of the shadow block, 0 when there is none */
	u32 shadow;
	u32 scan_next;
	u32 scan_pfn;
	u32 scan_entry;
	u32 scan_value;
	u64 scan_when;
	u32 lines;
	u8 apic_to_cpu[256];
};

struct state {
	u8 trampoline[0x1000];
	u32 bridge[3][1024];
	struct globals g;
	u8 pad[0x1000 - sizeof(struct globals)];
	struct cpu cpus[MAX_CPUS];
};

extern const struct rom_info rom_info;
extern const u8 rom_header[];
extern const u8 answers[VMI_NCALLS], groups[VMI_NCALLS];
extern const char names[];
extern const u32 stub_table[VMI_NCALLS], broken_table[VMI_NCALLS];
extern const u32 late_table[VMI_NCALLS];
extern const u32 gated_table[VMI_NCALLS];
extern const u8 cpuid_ring1[];
extern const u8 trampoline_start[], trampoline_end[], ap_entry[];
extern const u8 iret_called[];
u32 rom_linear(void);

/*
 * The state, from anywhere in the ROM: with and without paging, at whatever
 * linear address. Volatile-free on purpose, one address a function is enough.
 */
static __always_inline struct state *state(void)
{
	struct state *s;

	asm("call 1f\n"
	    "1:\tpopl %0\n\t"
	    "addl $(vmi_state - 1b), %0\n"
	    "2:\n\t"
	    ".pushsection .fixups, \"a\"\n\t"
	    ".long 2b - 4\n\t"
	    ".popsection" : "=r" (s) : : "cc");
	return s;
}

static __always_inline struct globals *globals(void)
{
	return &state()->g;
}

static __always_inline void *phys_to_virt(u32 phys)
{
	return (void *)(phys + globals()->delta);
}

/* Instructions */
#define READ_CR(n) \
static __always_inline u32 read_cr##n(void) \
{ \
	u32 v; \
	asm volatile("mov %%cr" #n ", %0" : "=r" (v) : : "memory"); \
	return v; \
} \
static __always_inline void write_cr##n(u32 v) \
{ \
	asm volatile("mov %0, %%cr" #n : : "r" (v) : "memory"); \
}
READ_CR(0)
READ_CR(2)
READ_CR(3)
READ_CR(4)

static __always_inline u64 rdtsc(void)
{
	u64 v;

	asm volatile("rdtsc" : "=A" (v));
	return v;
}

static __always_inline u64 rdmsr(u32 msr)
{
	u64 v;

	asm volatile("rdmsr" : "=A" (v) : "c" (msr));
	return v;
}

static __always_inline u8 inb(u16 port)
{
	u8 v;

	asm volatile("inb %1, %0" : "=a" (v) : "Nd" (port));
	return v;
}

static __always_inline void outb(u8 v, u16 port)
{
	asm volatile("outb %0, %1" : : "a" (v), "Nd" (port));
}

static __always_inline void outw(u16 v, u16 port)
{
	asm volatile("outw %0, %1" : : "a" (v), "Nd" (port));
}

static __always_inline u32 irq_save(void)
{
	u32 flags;

	asm volatile("pushfl; popl %0; cli" : "=r" (flags) : : "memory");
	return flags;
}

static __always_inline void irq_restore(u32 flags)
{
	if (flags & 0x200)
		asm volatile("sti" : : : "memory");
}

static __always_inline void lock_inc(u32 *p)
{
	asm volatile("lock incl %0" : "+m" (*p) : : "memory", "cc");
}

/* Write 8 bytes at once: page-table entries and descriptors are live. */
static __always_inline void write64(u32 *p, u32 lo, u32 hi)
{
	u32 a = p[0], d = p[1];

	asm volatile("1: lock cmpxchg8b %0; jnz 1b"
		     : "+m" (*(u64 *)p), "+a" (a), "+d" (d)
		     : "b" (lo), "c" (hi) : "memory", "cc");
}

/* A 64-bit number by a 32-bit one; the compiler would call a library. */
static __always_inline u64 div64(u64 n, u32 d, u32 *rem)
{
	u32 hi = n >> 32, lo = (u32)n, qhi = hi / d, r = hi % d, qlo;

	asm("divl %4" : "=a" (qlo), "=d" (r)
	    : "0" (lo), "1" (r), "rm" (d) : "cc");
	if (rem)
		*rem = r;
	return ((u64)qhi << 32) | qlo;
}

/* check.c */
u32 lock(void);
void unlock(u32 flags);
struct cpu *this_cpu(void);
struct cpu *cpu_of_apic(u32 id);
bool has_room(u32 id);
void print(const char *s);
void print_hex(u32 v);
void violation(u32 kind, u32 call, u32 where, u32 value);
bool walk(u32 va, u32 *phys);
u32 virt_to_phys(u32 va);

/* mmu.c */
void mmu_init(void);
void flush_deferred(struct cpu *cpu);
void check_pending(u32 call, u32 value);
void scan_one(void);
void scan_all(void);

/* desc.c */
void check_tables(u32 call);

/* time.c */
int time_init(void);

/* apic.c */
void apic_init(void);
u32 apic_page(void);

/* mon.c */
#ifdef VMI_FAST
static inline bool mon_on(void) { return false; }
#else
bool mon_on(void);
#endif
void mon_set_gdt(const struct dtr *p);
void mon_set_idt(const struct dtr *p);
void mon_get_gdt(struct dtr *p);
void mon_get_idt(struct dtr *p);
void mon_set_tr(u32 selector);
u32 mon_get_tr(void);
void mon_set_stack(u32 ss, u32 esp);
void mon_write_entry(u32 base, u32 index, u32 lo, u32 hi);
void mon_start(struct cpu *cpu);

#endif /* VMI_ROM_STATE_H */
