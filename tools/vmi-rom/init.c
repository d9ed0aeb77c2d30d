// SPDX-License-Identifier: GPL-2.0
/*
 * The two entries of the ABI: vmi_init and get_reloc.
 */
#include "state.h"

_Static_assert(sizeof(struct rom_info) == 60, "information block");
_Static_assert(sizeof(struct ap_state) == 92, "AP state");
_Static_assert(sizeof(struct stats) == STATS_CALLS + 4 * 80 + 4 * 32 + 64,
	       "statistics");
_Static_assert(offsetof(struct stats, calls) == STATS_CALLS, "counters");
_Static_assert(offsetof(struct stats, pending) == STATS_PENDING, "counters");
_Static_assert(offsetof(struct state, g) == STATE_STATS, "globals");
_Static_assert(offsetof(struct state, cpus) == STATE_CPUS, "CPUs");
_Static_assert(offsetof(struct state, bridge) == STATE_BRIDGE, "bridge");
_Static_assert(sizeof(struct cpu) == CPU_SIZE, "CPU");
_Static_assert(sizeof(struct state) <= STATE_SIZE, "state");
_Static_assert(offsetof(struct cpu, bridge_cr4) == CPU_BRIDGE_CR4, "CPU");
_Static_assert(offsetof(struct cpu, delta) == CPU_DELTA, "CPU");
_Static_assert(offsetof(struct cpu, ap_valid) == CPU_AP_VALID, "CPU");

/* What can go wrong in vmi_init; the guest only sees that it is not 0. */
#define INIT_ASKED_TO_FAIL	1
#define INIT_NOT_PAGED		2
#define INIT_TWICE		3
#define INIT_NO_STATE		4
#define INIT_NO_CLOCK		5

static void prepare(struct globals *g)
{
	struct state *s = state();
	u32 a = 1, b, c = 0, d, i;

	for (i = 0; i < 256; i++)
		g->apic_to_cpu[i] = 0xff;
	asm volatile("cpuid" : "+a" (a), "=b" (b), "+c" (c), "=d" (d));
	g->apic_to_cpu[b >> 24] = 0;
	s->cpus[0].apic_id = b >> 24;
	g->ncpus = 1;
	g->stats.cpus = 1;
	g->stats.ncalls = VMI_NCALLS;
	g->stats.nviolations = NVIOLATIONS;
	for (i = 0; i < 8; i++)
		g->stats.magic[i] = "vmiSTAT1"[i];
}

u32 vmi_init(void);
u32 vmi_init(void)
{
	struct globals *g = globals();
	u32 flags;

	asm volatile("pushfl; popl %0" : "=r" (flags));
	if (rom_info.state_phys)
		g->debug_port = rom_info.debug_port;
	/* Both: a failure that leaves the kernel at CPL 1 */
	if ((rom_info.config & (CFG_INIT_FAIL | CFG_CPL1)) == CFG_INIT_FAIL) {
		print("vmi-rom: init: asked to fail\n");
		return INIT_ASKED_TO_FAIL;
	}
	if (!(read_cr0() & 0x80000000))
		return INIT_NOT_PAGED;
	if (!rom_info.state_phys)
		return INIT_NO_STATE;
	if (g->init_done) {
		violation(V_INIT, ~0u, 0, INIT_TWICE);
		return INIT_TWICE;
	}
	g->rom = rom_linear();
	g->delta = g->rom - rom_info.rom_phys;
	prepare(g);
	if (flags & 0x200)
		violation(V_INIT, ~0u, 0, flags);
	if (time_init()) {
		print("vmi-rom: init: the timer stands still\n");
		return INIT_NO_CLOCK;
	}
	mmu_init();
	apic_init();
	if ((rom_info.config & CFG_CPL1) && CHECKING) {
		if (!g->shadow)
			return INIT_NO_STATE;
		mon_start(&state()->cpus[0]);
		g->cpl1 = 1;
	}
	if (rom_info.config & CFG_INIT_FAIL) {
		print("vmi-rom: init: asked to fail at CPL 1\n");
		return INIT_ASKED_TO_FAIL;
	}
	g->init_done = 1;
	g->stats.inits++;
	print("vmi-rom: init: linear ");
	print_hex(g->rom);
	print(" kHz ");
	print_hex(g->tsc_khz);
	print(g->pae ? " PAE\n" : " 2-level\n");
	return 0;
}

/* IRET and SYSEXIT are jumped to: there is nothing to return to. */
static u32 default_answer(u32 nr)
{
	return nr == 33 || nr == 34 ? ANSWER_JUMP : ANSWER_CALL;
}

/* At CPL 1 what needs no privilege is called directly, SYSEXIT not at all. */
static u32 ring1_stub(u32 rom, u32 nr)
{
#ifndef VMI_FAST
	bool direct = nr == 27 || (nr >= 29 && nr <= 34) ||
		      (nr >= 49 && nr <= 60) || nr == 65;

	if (!nr)
		return (u32)cpuid_ring1;
	if (!direct)
		return rom + gated_table[nr];
#endif
	return rom + stub_table[nr];
}

u64 vmi_get_reloc(u32 nr);
u64 vmi_get_reloc(u32 nr)
{
	u32 rom = rom_linear(), type, eip, answer;

	globals()->stats.relocs++;
	if (nr >= VMI_NCALLS)
		return RELOC_NONE;
	answer = answers[nr] == ANSWER_DEFAULT ? default_answer(nr) : answers[nr];
	eip = mon_on() ? ring1_stub(rom, nr) : rom + stub_table[nr];
	if (mon_on() && nr == 34 && answer == ANSWER_JUMP)
		answer = ANSWER_NONE;
	type = default_answer(nr);
	switch (answer) {
	case ANSWER_NONE:
	case ANSWER_NOP:
		return (u64)answer << 32;
	case ANSWER_CALL:
	case ANSWER_JUMP:
		type = answer;
		if (nr == 33 && answer == ANSWER_CALL)
			eip = (u32)iret_called;
		break;
	case ANSWER_UD2:
		eip = rom + broken_table[nr];
		break;
	case ANSWER_LATE:
		if (!mon_on())
			eip = rom + late_table[nr];
		break;
	case ANSWER_BELOW:
		eip = rom - 16;
		break;
	case ANSWER_ABOVE:
		eip = rom + rom_header[2] * 512;
		break;
	default:
		type = RELOC_UNKNOWN;
		break;
	}
	return (u64)type << 32 | eip;
}
