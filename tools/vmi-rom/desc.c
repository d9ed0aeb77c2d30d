// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptor tables and the kernel stack.
 *
 * A table is followed from the SetGDT, SetIDT or SetLDT that loads it. What is
 * kept is the sum of its entries, less the bits that the CPU sets (accessed,
 * TSS busy). Each announced write moves the sum by old and new value, so a
 * write that was not announced shows for ever after.
 *
 * Tables are known by physical address: a guest may load one address and
 * write through an alias.
 */
#include "state.h"

#define CALL_SetGDT	3
#define CALL_SetLDT	4
#define CALL_SetIDT	5
#define CALL_WriteGDTEntry 11
#define CALL_WriteLDTEntry 12
#define CALL_WriteIDTEntry 13
#define CALL_UpdateKernelStack 14

static u32 mix(u32 index, u32 lo, u32 hi)
{
	if (hi & 0x1000)
		hi &= ~0x100;
	else if ((hi & 0x1500) == 0x0100)
		hi &= ~0x200;
	return (lo * 0x9e3779b1 ^ hi * 0x85ebca6b) + index * 0xc2b2ae35 * !!(lo | hi);
}

static u32 sum(const struct table *t)
{
	u32 *p = (u32 *)t->base, i, s = 0;

	for (i = 0; i * 8 + 7 <= t->limit; i++)
		s += mix(i, p[i * 2], p[i * 2 + 1]);
	return s;
}

static bool mapped(const struct table *t)
{
	u32 at = t->base & ~0xfff, end = t->base + t->limit;

	for (; at <= end; at += 0x1000)
		if (virt_to_phys(at) == ~0u)
			return false;
	return true;
}

static void check_table(u32 call, struct table *t)
{
	u32 s;

	if (t->limit < 7)
		return;
	if (!mapped(t)) {
		violation(V_DESC_WRITE, call, t->base, t->limit);
		t->limit = 0;
		return;
	}
	s = sum(t);
	if (s != t->sum)
		violation(V_DESC_WRITE, call, t->base, t->limit);
	t->sum = s;
}

/* The large interrupt table is summed on every 16th occasion only. */
void check_tables(u32 call)
{
	struct cpu *cpu = this_cpu();
	u32 flags;

	if (!CHECKING)
		return;
	flags = lock();
	check_table(call, &cpu->gdt);
	if (call == CALL_SetIDT || !(globals()->stats.calls[17] & 15))
		check_table(call, &cpu->idt);
	unlock(flags);
}

/*
 * The LDT cannot be looked at when another one replaces it: while this CPU,
 * interrupts off, was on its way from one process to the next, the first one
 * may have got a new table on another CPU, and the old one is free.
 */
static void check_ldt(u32 call)
{
	u32 flags;

	if (!CHECKING || this_cpu()->ldt.limit < 7)
		return;
	flags = lock();
	check_table(call, &this_cpu()->ldt);
	unlock(flags);
}

static void follow_table(u32 call, struct table *t, u32 base, u32 limit)
{
	u32 flags;

	if (!CHECKING)
		return;
	check_tables(call);
	flags = lock();
	if ((base & 0xfff) && limit >= 7)
		violation(V_DESC_ALIGN, call, base, limit);
	t->base = base;
	t->limit = limit;
	t->phys = limit < 7 ? ~0u : virt_to_phys(base);
	if (limit >= 7 && t->phys == ~0u) {
		violation(V_FLAGS, call, base, limit);
		t->limit = 0;
	}
	t->sum = t->limit < 7 ? 0 : sum(t);
	unlock(flags);
}

void vmi_SetGDT(const struct dtr *p);
void vmi_SetGDT(const struct dtr *p)
{
	follow_table(CALL_SetGDT, &this_cpu()->gdt, p->base, p->limit);
	if (mon_on())
		mon_set_gdt(p);
	else
		asm volatile("lgdt %0" : : "m" (*p));
}

void vmi_SetIDT(const struct dtr *p);
void vmi_SetIDT(const struct dtr *p)
{
	follow_table(CALL_SetIDT, &this_cpu()->idt, p->base, p->limit);
	if (mon_on())
		mon_set_idt(p);
	else
		asm volatile("lidt %0" : : "m" (*p));
}

/* The descriptor of a selector in the global table; NULL outside of it. */
static u32 *descriptor(u16 selector)
{
	struct dtr gdt;

	asm volatile("sgdt %0" : "=m" (gdt));
	if (!(selector & ~7) || (selector & 4) || (selector | 7) > gdt.limit)
		return NULL;
	return (u32 *)(gdt.base + (selector & ~7));
}

static u32 base_of(const u32 *d)
{
	return d[0] >> 16 | (d[1] & 0xff) << 16 | (d[1] & 0xff000000);
}

static u32 limit_of(const u32 *d)
{
	u32 limit = (d[0] & 0xffff) | (d[1] & 0xf0000);

	return d[1] & 0x800000 ? limit << 12 | 0xfff : limit;
}

void vmi_SetLDT(u32 selector);
void vmi_SetLDT(u32 selector)
{
	u32 *d = descriptor(selector);

	follow_table(CALL_SetLDT, &this_cpu()->ldt, d ? base_of(d) : 0,
		     d ? limit_of(d) : 0);
	asm volatile("lldt %w0" : : "r" (selector));
}

void vmi_SetTR(u32 selector);
void vmi_SetTR(u32 selector)
{
	if (mon_on())
		mon_set_tr(selector);
	else
		asm volatile("ltr %w0" : : "r" (selector));
}

void vmi_GetGDT(struct dtr *p);
void vmi_GetGDT(struct dtr *p)
{
	if (mon_on())
		mon_get_gdt(p);
	else
		asm volatile("sgdt %0" : "=m" (*p));
}

void vmi_GetIDT(struct dtr *p);
void vmi_GetIDT(struct dtr *p)
{
	if (mon_on())
		mon_get_idt(p);
	else
		asm volatile("sidt %0" : "=m" (*p));
}

u32 vmi_GetLDT(void);
u32 vmi_GetLDT(void)
{
	u32 v;

	asm volatile("sldt %0" : "=r" (v));
	return v & 0xffff;
}

u32 vmi_GetTR(void);
u32 vmi_GetTR(void)
{
	u32 v;

	if (mon_on())
		return mon_get_tr();
	asm volatile("str %0" : "=r" (v));
	return v & 0xffff;
}

static void move_sum(struct table *t, u32 phys, u32 index, const u32 *d,
		     u32 lo, u32 hi)
{
	if (t->limit < 7 || t->phys != phys || index * 8 + 7 > t->limit)
		return;
	t->sum += mix(index, lo, hi) - mix(index, d[0], d[1]);
}

/* A GDT or LDT is its CPU's own business as long as it is in use. */
static void check_owner(u32 call, const struct table *t, const struct cpu *cpu,
			u32 phys, u32 index)
{
	if (cpu != this_cpu() && t->limit >= 7 && t->phys == phys)
		violation(V_DESC_WRITE, call, t->base, index);
}

static void write_entry(u32 call, u32 base, u32 index, u32 lo, u32 hi)
{
	u32 *d = (u32 *)base + index * 2, flags, phys, i;
	struct state *s = state();

	if (CHECKING) {
		flags = lock();
		phys = virt_to_phys(base);
		for (i = 0; i < s->g.ncpus; i++) {
			check_owner(call, &s->cpus[i].gdt, &s->cpus[i], phys,
				    index);
			check_owner(call, &s->cpus[i].ldt, &s->cpus[i], phys,
				    index);
			move_sum(&s->cpus[i].gdt, phys, index, d, lo, hi);
			move_sum(&s->cpus[i].ldt, phys, index, d, lo, hi);
			move_sum(&s->cpus[i].idt, phys, index, d, lo, hi);
		}
		write64(d, lo, hi);
		if (mon_on())
			mon_write_entry(base, index, lo, hi);
		unlock(flags);
		return;
	}
	write64(d, lo, hi);
}

/* No segment register may hold what becomes invalid. */
static void check_segments(u32 base, u32 index, u32 hi)
{
	u32 ds, es, fs, gs;

	if ((hi & 0x8000) || this_cpu()->gdt.limit < 7 ||
	    virt_to_phys(base) != this_cpu()->gdt.phys)
		return;
	asm volatile("movl %%ds, %0" : "=r" (ds));
	asm volatile("movl %%es, %0" : "=r" (es));
	asm volatile("movl %%fs, %0" : "=r" (fs));
	asm volatile("movl %%gs, %0" : "=r" (gs));
	/* The privilege level is not part of a table's index. */
	if (index && ((ds & 0xfffc) == index * 8 || (es & 0xfffc) == index * 8 ||
		      (fs & 0xfffc) == index * 8 || (gs & 0xfffc) == index * 8))
		violation(V_DESC_USED, CALL_WriteGDTEntry, base, index);
}

void vmi_WriteGDTEntry(u32 base, u32 index, u32 lo, u32 hi);
void vmi_WriteGDTEntry(u32 base, u32 index, u32 lo, u32 hi)
{
	if (CHECKING)
		check_segments(base, index, hi);
	write_entry(CALL_WriteGDTEntry, base, index, lo, hi);
}

void vmi_WriteLDTEntry(u32 base, u32 index, u32 lo, u32 hi);
void vmi_WriteLDTEntry(u32 base, u32 index, u32 lo, u32 hi)
{
	write_entry(CALL_WriteLDTEntry, base, index, lo, hi);
}

void vmi_WriteIDTEntry(u32 base, u32 index, u32 lo, u32 hi);
void vmi_WriteIDTEntry(u32 base, u32 index, u32 lo, u32 hi)
{
	write_entry(CALL_WriteIDTEntry, base, index, lo, hi);
}

/* The stack is taken from the TSS in the task register: fill it in there. */
void vmi_UpdateKernelStack(u32 ss, u32 esp0);
void vmi_UpdateKernelStack(u32 ss, u32 esp0)
{
	u32 *d = descriptor(vmi_GetTR()), *tss;

	check_ldt(CALL_UpdateKernelStack);
	if (mon_on()) {
		mon_set_stack(ss, esp0);
		return;
	}
	if (!d || !(ss & ~3) || ss > 0xffff || (ss & 3)) {
		violation(V_FLAGS, CALL_UpdateKernelStack, ss, esp0);
		if (!d)
			return;
	}
	tss = (u32 *)base_of(d);
	tss[1] = esp0;
	if (tss[2] != (ss & 0xffff))
		tss[2] = ss & 0xffff;
}
