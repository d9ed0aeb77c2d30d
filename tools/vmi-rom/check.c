// SPDX-License-Identifier: GPL-2.0
/*
 * Reporting, locking, and who is calling.
 *
 * A violation is counted by kind, remembered as the last one, and printed as
 * one line on the debug port:
 *
 *   vmi-rom: violation: KIND in CALL: where HEX value HEX cpu N
 *
 * After MAX_LINES lines only the counters go on.
 */
#include "state.h"

#define MAX_LINES	400

static void put(char c)
{
	u16 port = globals()->debug_port;

	if (port)
		outb(c, port);
}

void print(const char *s)
{
	while (*s)
		put(*s++);
}

void print_hex(u32 v)
{
	int i;

	for (i = 28; i >= 0; i -= 4) {
		u32 d = (v >> i) & 15;

		put(d < 10 ? '0' + d : 'a' + d - 10);
	}
}

/* The nth of a list of strings, each ended by a zero byte. */
static const char *nth(const char *list, u32 n)
{
	while (n--)
		while (*list++)
			;
	return list;
}

u32 lock(void)
{
	struct globals *g = globals();
	u32 flags = irq_save();

	while (__atomic_exchange_n(&g->lock, 1, __ATOMIC_ACQUIRE))
		asm volatile("pause");
	return flags;
}

void unlock(u32 flags)
{
	__atomic_store_n(&globals()->lock, 0, __ATOMIC_RELEASE);
	irq_restore(flags);
}

/* Does a CPU have a slot, or can it get one? */
bool has_room(u32 id)
{
	struct globals *g = globals();

	return g->apic_to_cpu[id & 0xff] != 0xff || g->ncpus < MAX_CPUS;
}

/*
 * Takes a slot at first sight; slot 0 is the boot CPU. What comes after the
 * last slot shares it, and what is said of it is of no value: it is reported.
 */
struct cpu *cpu_of_apic(u32 id)
{
	struct state *s = state();
	struct globals *g = &s->g;
	u32 n = g->apic_to_cpu[id & 0xff];

	if (n == 0xff) {
		n = __atomic_fetch_add(&g->ncpus, 1, __ATOMIC_RELAXED);
		if (n >= MAX_CPUS) {
			g->ncpus = MAX_CPUS;
			n = MAX_CPUS - 1;
			lock_inc(&g->stats.cpus_lost);
			print("vmi-rom: more CPUs than it has room for\n");
		}
		g->apic_to_cpu[id & 0xff] = n;
		s->cpus[n].apic_id = id;
		g->stats.cpus = g->ncpus;
	}
	return &s->cpus[n];
}

/* CPUs need no help of the ROM to start: only the CPU knows which one it is. */
struct cpu *this_cpu(void)
{
	u32 a = 1, b, c = 0, d;

	asm volatile("cpuid" : "+a" (a), "=b" (b), "+c" (c), "=d" (d));
	return cpu_of_apic(b >> 24);
}

/* Was a call of a range refused, or said to need nothing? */
static bool refused(u32 first, u32 last)
{
	for (; first <= last; first++)
		if (answers[first] != ANSWER_DEFAULT &&
		    answers[first] != ANSWER_CALL)
			return true;
	return false;
}

/* A variant cannot demand of the guest what it does not let it do. */
static bool excused(u32 kind)
{
	switch (kind) {
	case V_RAW_WRITE:
	case V_UNREG_LINK:
	case V_LEVEL:
	case V_ALLOC_TWICE:
	case V_REL_UNREG:
	case V_REL_LINKED:
		/* Without a linear mapping a guest cannot register tables. */
		return refused(38, 41) || refused(44, 45) ||
		       answers[48] == ANSWER_NONE;
	case V_NO_LINEAR:
		return refused(48, 48);
	case V_DESC_WRITE:
		return refused(3, 5) || refused(11, 13);
	case V_STALE_DEFER:
		return refused(17, 17) || refused(46, 47) || refused(73, 73);
	}
	return false;
}

void violation(u32 kind, u32 call, u32 where, u32 value)
{
	struct globals *g = globals();
	struct stats *st = &g->stats;
	u32 cpu = this_cpu() - state()->cpus, flags;

	if (!CHECKING || excused(kind))
		return;
	lock_inc(&st->violations[kind]);
	lock_inc(&st->total);
	st->last[0] = kind;
	st->last[1] = call;
	st->last[2] = where;
	st->last[3] = value;
	st->last[4] = cpu;
	if (__atomic_fetch_add(&g->lines, 1, __ATOMIC_RELAXED) >= MAX_LINES)
		return;
	flags = irq_save();
	while (__atomic_exchange_n(&g->print_lock, 1, __ATOMIC_ACQUIRE))
		asm volatile("pause");
	print("vmi-rom: violation: ");
	print(nth(VIOLATION_NAMES, kind));
	print(" in ");
	print(call < VMI_NCALLS ? nth(names, call) : "init");
	print(": where ");
	print_hex(where);
	print(" value ");
	print_hex(value);
	print(" cpu ");
	put('0' + cpu / 10);
	put('0' + cpu % 10);
	put('\n');
	__atomic_store_n(&g->print_lock, 0, __ATOMIC_RELEASE);
	irq_restore(flags);
}

void vmi_violation_asm(u32 kind, u32 call, u32 where);
void vmi_violation_asm(u32 kind, u32 call, u32 where)
{
	violation(kind, call, where, 0);
}

void vmi_pending_asm(u32 unused, u32 call, u32 where);
void vmi_pending_asm(u32 unused, u32 call, u32 where)
{
	(void)unused;
	check_pending(call, where);
}

/*
 * Walk the tables in use. Tables are reached through the guest's linear
 * mapping of low memory.
 */
bool walk(u32 va, u32 *phys)
{
	struct globals *g = globals();
	u32 cr3 = read_cr3(), *p, shift = 22;

	if (!(read_cr0() & 0x80000000)) {
		*phys = va;
		return true;
	}
	if (read_cr4() & 0x20) {
		p = (u32 *)((cr3 & ~31) + g->delta) + (va >> 30) * 2;
		if (!(p[0] & 1))
			return false;
		p = (u32 *)((p[0] & ~0xfff) + g->delta) +
		    ((va >> 21) & 511) * 2;
		shift = 21;
	} else {
		p = (u32 *)((cr3 & ~0xfff) + g->delta) + (va >> 22);
	}
	if (!(p[0] & 1))
		return false;
	if (p[0] & 0x80) {
		*phys = (p[0] & ~((1u << shift) - 1)) |
			(va & ((1u << shift) - 1));
		return true;
	}
	if (shift == 21)
		p = (u32 *)((p[0] & ~0xfff) + g->delta) +
		    ((va >> 12) & 511) * 2;
	else
		p = (u32 *)((p[0] & ~0xfff) + g->delta) + ((va >> 12) & 1023);
	if (!(p[0] & 1))
		return false;
	*phys = (p[0] & ~0xfff) | (va & 0xfff);
	return true;
}

/* ~0 when the address is not mapped */
u32 virt_to_phys(u32 va)
{
	struct linear *l = this_cpu()->linear;
	u32 phys, i;

	for (i = 0; i < 4; i++)
		if (va - l[i].va < l[i].pages << 12)
			return va - l[i].va + (l[i].pfn << 12);
	return walk(va, &phys) ? phys : ~0u;
}
