// SPDX-License-Identifier: GPL-2.0
/*
 * Control and debug registers, and the end of the machine.
 */
#include "state.h"

#define CALL_SetDR	24
#define CALL_GetDR	25

u32 vmi_GetCR0(void);
u32 vmi_GetCR0(void)
{
	return read_cr0();
}

void vmi_SetCR0(u32 v);
void vmi_SetCR0(u32 v)
{
	write_cr0(v);
}

u32 vmi_GetCR4(void);
u32 vmi_GetCR4(void)
{
	return read_cr4();
}

void vmi_SetCR4(u32 v);
void vmi_SetCR4(u32 v)
{
	write_cr4(v);
}

/* The number of a debug register is part of the instruction. */
#define DR(n) \
	if (nr == n) \
		asm volatile("mov %0, %%db" #n : : "r" (v))

void vmi_SetDR(u32 nr, u32 v);
void vmi_SetDR(u32 nr, u32 v)
{
	DR(0);
	else DR(1);
	else DR(2);
	else DR(3);
	else DR(6);
	else DR(7);
	else
		violation(V_FLAGS, CALL_SetDR, nr, v);
}

#undef DR
#define DR(n) \
	if (nr == n) \
		asm volatile("mov %%db" #n ", %0" : "=r" (v))

u32 vmi_GetDR(u32 nr);
u32 vmi_GetDR(u32 nr)
{
	u32 v = 0;

	DR(0);
	else DR(1);
	else DR(2);
	else DR(3);
	else DR(6);
	else DR(7);
	else
		violation(V_FLAGS, CALL_GetDR, nr, 0);
	return v;
}

void vmi_SetIOPLMask(u32 mask);
void vmi_SetIOPLMask(u32 mask)
{
	u32 flags;

	/* At CPL 1 it is the monitor's. */
	if (mon_on())
		return;
	asm volatile("pushfl; popl %0" : "=r" (flags));
	flags = (flags & ~0x3000) | (mask & 0x3000);
	asm volatile("pushl %0; popfl" : : "r" (flags) : "memory", "cc");
}

/* Nothing calls back: the ROM has no context of its own to call from. */
u32 vmi_SetCallbacks(void);
u32 vmi_SetCallbacks(void)
{
	return 0;
}

static void summary(void)
{
	struct stats *st = &globals()->stats;
	u32 calls = 0, i;

	scan_all();
	for (i = 0; i < VMI_NCALLS; i++)
		calls += st->calls[i];
	print("vmi-rom: end: calls ");
	print_hex(calls);
	print(" violations ");
	print_hex(st->total);
	print(" tables ");
	print_hex(st->tracked_max);
	print(" untracked ");
	print_hex(st->untracked);
	print("\n");
}

static void stop(void)
{
	for (;;)
		asm volatile("cli; hlt");
}

void vmi_Reboot(u32 hard);
void vmi_Reboot(u32 hard)
{
	static const struct dtr none;

	summary();
	/* Reset control register, then keyboard controller, then shutdown. */
	if (hard) {
		outb(0x02, 0xcf9);
		outb(0x06, 0xcf9);
	}
	outb(0xfe, 0x64);
	asm volatile("lidt %0; int3" : : "m" (none));
	stop();
}

/*
 * The power management ports of the chipsets that QEMU has; a machine without
 * them stops.
 */
void vmi_Shutdown(void);
void vmi_Shutdown(void)
{
	summary();
	outw(0x2000, 0x604);
	outw(0x2000, 0xb004);
	stop();
}
