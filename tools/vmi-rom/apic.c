// SPDX-License-Identifier: GPL-2.0
/*
 * Local APIC and the start of further CPUs.
 *
 * A STARTUP IPI for a CPU whose state was set gets the vector of the ROM's own
 * trampoline. The trampoline enters protected mode, turns paging on with a
 * bridge (low memory at its physical and at its linear address), goes on in
 * the ROM at the linear address and loads the state from there.
 */
#include "state.h"

#define CALL_SetInitialAPState 62
#define CALL_APICWrite	63
#define CALL_APICRead	64

#define APIC_ICR	0x300
#define APIC_ICR2	0x310
#define ICR_MODE	0x700
#define ICR_STARTUP	0x600
#define ICR_WHOM	0xc0000
#define ICR_SELF	0x40000

#define CR0_PG_PE	0x80000001
#define CR4_PSE		0x10
#define CR4_PAE		0x20
#define PDE_LARGE	0xe3

/* Where the APIC's registers are, by the CPU's own account */
static u32 apic_phys(void)
{
	return (u32)rdmsr(0x1b) & ~0xfff;
}

/*
 * The guest's mapping of the APIC: as it last used it, or else found in the
 * fixed mappings below the hypervisor's part. 0 when there is none.
 */
u32 apic_page(void)
{
	struct globals *g = globals();
	u32 phys, want = apic_phys(), va;

	if (g->apic_base && walk(g->apic_base, &phys) && phys == want)
		return g->apic_base;
	for (va = VIRTUAL_TOP - 0x1000; va >= VIRTUAL_TOP - 0x800000; va -= 0x1000)
		if (walk(va, &phys) && phys == want) {
			g->apic_base = va;
			return va;
		}
	return 0;
}

/* Callers pass an address; an offset in the page is understood too. */
static volatile u32 *apic_register(u32 where)
{
	struct globals *g = globals();

	if (where >= 0x1000)
		g->apic_base = where & ~0xfff;
	else if (apic_page())
		where += g->apic_base;
	else
		return NULL;
	return (volatile u32 *)where;
}

static u32 redirect_startup(volatile u32 *icr, u32 v)
{
	struct state *s = state();
	u32 id, slot;

	if ((v & ICR_MODE) != ICR_STARTUP)
		return v;
	id = icr[(APIC_ICR2 - APIC_ICR) / 4] >> 24;
	slot = s->g.apic_to_cpu[id];
	if (slot == 0xff || !s->cpus[slot].ap_valid)
		return v;
	return (v & ~0xff) | (rom_info.state_phys + STATE_TRAMPOLINE) >> 12;
}

void vmi_APICWrite(u32 where, u32 v);
void vmi_APICWrite(u32 where, u32 v)
{
	volatile u32 *reg = apic_register(where);

	if (rom_info.config & CFG_BODY_UD2)
		asm volatile("ud2");
	if (!reg) {
		violation(V_APIC, CALL_APICWrite, where, v);
		return;
	}
	/* Another CPU is told something: updates that it may see are due. */
	if ((where & 0xff0) == APIC_ICR) {
		if ((v & ICR_WHOM) != ICR_SELF)
			check_pending(CALL_APICWrite, v);
		v = redirect_startup(reg, v);
	}
	*reg = v;
}

u32 vmi_APICRead(u32 where);
u32 vmi_APICRead(u32 where)
{
	volatile u32 *reg = apic_register(where);

	if (!reg) {
		violation(V_APIC, CALL_APICRead, where, 0);
		return 0;
	}
	return *reg;
}

static void check_state(const struct ap_state *ap)
{
	u32 where = (u32)ap;

	if (where & 0xfff)
		violation(V_AP_STATE, CALL_SetInitialAPState, where, 0);
	if ((ap->cr0 & CR0_PG_PE) != CR0_PG_PE)
		violation(V_AP_STATE, CALL_SetInitialAPState, where, ap->cr0);
	if ((ap->cr4 ^ read_cr4()) & CR4_PAE)
		violation(V_AP_STATE, CALL_SetInitialAPState, where, ap->cr4);
	if (!(ap->cs & ~3) || ((ap->cs ^ ap->ss) & 3) || ap->gdt_limit < 7)
		violation(V_AP_STATE, CALL_SetInitialAPState, where, ap->cs);
}

void vmi_SetInitialAPState(const struct ap_state *ap, u32 id);
void vmi_SetInitialAPState(const struct ap_state *ap, u32 id)
{
	struct state *s = state();
	struct cpu *cpu;

	if (CHECKING)
		check_state(ap);
	/* A CPU without a slot does not start. */
	if (!has_room(id)) {
		violation(V_AP_STATE, CALL_SetInitialAPState, (u32)ap, id);
		return;
	}
	cpu = cpu_of_apic(id);
	/* It comes out of INIT: what it had loaded before is forgotten. */
	cpu->gdt.limit = cpu->idt.limit = cpu->ldt.limit = 0;
	cpu->cr3 = ap->cr3;
	cpu->ap = *ap;
	cpu->bridge_cr4 = ap->cr4 | CR4_PSE;
	cpu->bridge_cr3 = rom_info.state_phys + STATE_BRIDGE;
	cpu->entry = (u32)ap_entry;
	cpu->delta = s->g.delta;
	cpu->ap_valid = mon_on() ? AP_RING1 : AP_RING0;
	s->trampoline[TRAMP_SLOTS + (id & 0xff)] = cpu - s->cpus;
}

/* Low memory twice: at its own address, and where the guest has it. */
static void build_bridge(struct state *s)
{
	u32 delta = s->g.delta, phys = rom_info.state_phys + STATE_BRIDGE;
	u32 *top = s->bridge[0], *low = s->bridge[1], *high = s->bridge[2];

	if (!s->g.pae) {
		top[0] = PDE_LARGE;
		top[delta >> 22] = PDE_LARGE;
		return;
	}
	if (!(delta >> 30))
		high = low;
	top[0] = phys + 0x1001;
	top[(delta >> 30) * 2] = phys + 0x1000 * (high - s->bridge[0]) / 1024 + 1;
	low[0] = PDE_LARGE;
	high[(delta >> 21 & 511) * 2] = PDE_LARGE;
}

void apic_init(void)
{
	struct state *s = state();
	const u8 *from = trampoline_start;
	u32 n = trampoline_end - trampoline_start, i;

	for (i = 0; i < n; i++)
		s->trampoline[i] = from[i];
	*(u32 *)&s->trampoline[TRAMP_STATE] = rom_info.state_phys + STATE_CPUS;
	build_bridge(s);
}
