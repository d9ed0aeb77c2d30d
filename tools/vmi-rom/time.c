// SPDX-License-Identifier: GPL-2.0
/*
 * Counters, alarms and the wall clock.
 *
 * REAL and AVAILABLE both are the TSC: nobody else uses the CPU, nothing is
 * stolen. The frequency is measured against the PIT in vmi_init.
 *
 * Alarms: on LVTT the local APIC timer of the CPU, on IRQ 0 channel 0 of the
 * PIT. A one-shot alarm further off than the timer counts is chained: each
 * Halt, GetCycleCounter, SetAlarm and CancelAlarm goes on where the hardware
 * ended. The guest sees an early interrupt then, as it may from any timer.
 */
#include "state.h"

/* How many cycles of the TSC make one of the variant that counts slowly, log2 */
#define SLOW_SHIFT	7

#define CALL_SetAlarm	68
#define CALL_CancelAlarm 69

#define ALARM_COUNTER	0xff
#define ALARM_PERIODIC	0x100
#define ALARM_LVTT	0x10000

#define PIT_HZ		1193182
#define PIT_MAX_MS	50

#define APIC_MAX_MS	60000
#define APIC_LVTT	0x320
#define APIC_TMICT	0x380
#define APIC_TMCCT	0x390
#define APIC_TDCR	0x3e0
#define LVT_MASKED	0x10000
#define LVT_MODE	0x60000
#define LVT_PERIODIC	0x20000
#define TDCR_BY_16	3

void vmi_timer_poll(void);

/* Read-out of channel 2 with the TSC around it, the tightest of some. */
static u32 read_pit(u64 *tsc)
{
	u32 best = ~0u, width, count = 0, c, i;
	u64 before, after;

	for (i = 0; i < 16; i++) {
		before = rdtsc();
		outb(0x80, 0x43);
		after = rdtsc();
		c = inb(0x42);
		c |= inb(0x42) << 8;
		width = after - before;
		if (width < best) {
			best = width;
			count = c;
			*tsc = before + width / 2;
		}
	}
	return count;
}

/* 0 when the CPU was away for so long that the count began anew. */
static u32 measure_khz(void)
{
	u32 start, end;
	u64 t0, t1;

	outb((inb(0x61) & ~2) | 1, 0x61);
	outb(0xb0, 0x43);
	outb(0xff, 0x42);
	outb(0xff, 0x42);
	/* The count is loaded with the next clock. */
	do {
		start = read_pit(&t0);
	} while (start > 0xff00);
	do {
		end = read_pit(&t1);
	} while (end > 0xb000 && end <= start);
	/* The output goes high at the end of the count, and stays so. */
	if ((inb(0x61) & 0x20) || end >= start || t1 == t0)
		return 0;
	/* kHz = cycles * PIT_HZ / ticks / 1000 */
	return div64(div64((t1 - t0) * PIT_HZ, start - end, NULL), 1000, NULL);
}

static u32 cmos(u32 reg)
{
	outb(reg, 0x70);
	return inb(0x71);
}

static u32 number(u32 v, bool bcd)
{
	return bcd ? (v >> 4) * 10 + (v & 15) : v;
}

/* Seconds since 1970-01-01; the year starts in March for the leap day. */
static u64 seconds(u32 y, u32 mon, u32 d, u32 h, u32 min, u32 s)
{
	u32 days;

	if (mon <= 2) {
		mon += 12;
		y--;
	}
	days = y * 365 + y / 4 - y / 100 + y / 400 +
	       (153 * (mon - 3) + 2) / 5 + d - 1 - 719468;
	return (u64)days * 86400 + h * 3600 + min * 60 + s;
}

/* No fractions: right to a second, like any kernel's reading of this clock. */
static u64 read_wallclock(u64 *tsc)
{
	u32 s, status, h, y, century;
	bool bcd, pm;

	while (cmos(0x0a) & 0x80)
		;
	status = cmos(0x0b);
	bcd = !(status & 4);
	s = number(cmos(0), bcd);
	*tsc = rdtsc();
	h = cmos(4);
	pm = h & 0x80;
	h = number(h & 0x7f, bcd);
	if (!(status & 2))
		h = h % 12 + (pm ? 12 : 0);
	y = number(cmos(9), bcd);
	century = number(cmos(0x32), bcd);
	y += century >= 19 && century <= 29 ? century * 100 : 2000;
	return seconds(y, number(cmos(8), bcd), number(cmos(7), bcd), h,
		       number(cmos(2), bcd), s) * 1000000000;
}

int time_init(void)
{
	struct globals *g = globals();
	u32 khz[3] = { 0, 0, 0 }, n = 0, tries, a, b, c;

	/* The median of three; a busy host may spoil any number of others. */
	for (tries = 0; n < 3 && tries < 200; tries++) {
		khz[n] = measure_khz();
		n += !!khz[n];
	}
	if (n < 3)
		return -1;
	a = khz[0], b = khz[1], c = khz[2];
	if (a > b)
		g->tsc_khz = c > a ? a : c > b ? c : b;
	else
		g->tsc_khz = c > b ? b : c > a ? c : a;
	g->wall_start = read_wallclock(&g->tsc_start);
	return 0;
}

static u32 shift(void)
{
	return rom_info.config & CFG_SLOW ? SLOW_SHIFT : 0;
}

u64 vmi_GetCycleFrequency(void);
u64 vmi_GetCycleFrequency(void)
{
	if (rom_info.config & CFG_FREQ_LOW)
		return 999999;
	if (rom_info.config & CFG_FREQ_HIGH)
		return 100000000001ULL;
	if (rom_info.config & CFG_FREQ_ZERO)
		return 0;
	return (u64)globals()->tsc_khz * 1000 >> shift();
}

u64 vmi_GetCycleCounter(u32 id);
u64 vmi_GetCycleCounter(u32 id)
{
	vmi_timer_poll();
	return id <= 1 ? rdtsc() >> shift() : 0;
}

u64 vmi_GetWallclockTime(void);
u64 vmi_GetWallclockTime(void)
{
	struct globals *g = globals();
	u32 cycles;
	u64 ms;

	ms = div64(rdtsc() - g->tsc_start, g->tsc_khz, &cycles);
	return g->wall_start + ms * 1000000 +
	       div64((u64)cycles * 1000000, g->tsc_khz, NULL);
}

/* The clock of the machine is nobody's to step. */
u32 vmi_WallclockUpdated(void);
u32 vmi_WallclockUpdated(void)
{
	return 0;
}

/* Timers */

static void pit_program(u64 cycles, bool periodic)
{
	u32 khz = globals()->tsc_khz, ticks;

	/* Late by 0.1 % rather than early by the error of the measurement */
	if (!periodic)
		cycles += cycles >> 10;
	if (cycles > (u64)khz * PIT_MAX_MS)
		cycles = (u64)khz * PIT_MAX_MS;
	ticks = (u32)div64(cycles * PIT_HZ, khz, NULL) / 1000;
	/* Late by a tick rather than early; a count of 1 is not allowed. */
	if (!periodic || ticks < 2)
		ticks += 2;
	outb(periodic ? 0x34 : 0x30, 0x43);
	outb(ticks, 0x40);
	outb(ticks >> 8, 0x40);
}

/* A mode without a count: the channel stands. */
static void pit_stop(void)
{
	outb(0x30, 0x43);
}

static bool x2apic(void)
{
	return (rdmsr(0x1b) & 0xc00) == 0xc00;
}

static u32 apic_get(u32 base, u32 reg)
{
	if (x2apic())
		return rdmsr(0x800 + (reg >> 4));
	return *(volatile u32 *)(base + reg);
}

static void apic_set(u32 base, u32 reg, u32 v)
{
	if (x2apic())
		asm volatile("wrmsr" : : "c" (0x800 + (reg >> 4)), "a" (v),
			     "d" (0) : "memory");
	else
		*(volatile u32 *)(base + reg) = v;
}

/* Ticks of the divided timer in a millisecond, measured once. */
static u32 apic_khz(u32 base)
{
	struct globals *g = globals();
	u32 lvtt, ticks;
	u64 t0, t1;

	if (g->apic_khz)
		return g->apic_khz;
	lvtt = apic_get(base, APIC_LVTT);
	apic_set(base, APIC_LVTT, (lvtt & ~LVT_MODE) | LVT_MASKED);
	apic_set(base, APIC_TDCR, TDCR_BY_16);
	apic_set(base, APIC_TMICT, ~0u);
	t0 = rdtsc();
	do {
		t1 = rdtsc();
	} while (t1 - t0 < (u64)g->tsc_khz * 10);
	ticks = ~0u - apic_get(base, APIC_TMCCT);
	apic_set(base, APIC_TMICT, 0);
	apic_set(base, APIC_LVTT, lvtt);
	g->apic_khz = div64((u64)ticks * g->tsc_khz, t1 - t0, NULL);
	if (!g->apic_khz)
		g->apic_khz = 1;
	return g->apic_khz;
}

static void apic_program(u32 base, u64 cycles, bool periodic)
{
	u32 khz = globals()->tsc_khz, lvtt, rate = apic_khz(base), ticks;

	if (!periodic)
		cycles += cycles >> 10;
	if (cycles > (u64)khz * APIC_MAX_MS)
		cycles = (u64)khz * APIC_MAX_MS;
	ticks = div64(cycles * rate, khz, NULL) + 1;
	lvtt = apic_get(base, APIC_LVTT) & ~(LVT_MODE | LVT_MASKED);
	apic_set(base, APIC_TDCR, TDCR_BY_16);
	apic_set(base, APIC_LVTT, lvtt | (periodic ? LVT_PERIODIC : 0));
	apic_set(base, APIC_TMICT, ticks);
}

/* The next event of one wire of a CPU; NULL when there is none. */
static struct alarm *next_alarm(struct cpu *cpu, bool lvtt)
{
	struct alarm *a = cpu->alarm, *best = NULL;
	u32 i;

	for (i = 0; i < 2; i++)
		if (a[i].armed && a[i].lvtt == lvtt &&
		    (!best || a[i].expiry < best->expiry))
			best = &a[i];
	return best;
}

static void program(struct cpu *cpu, bool lvtt)
{
	struct alarm *a = next_alarm(cpu, lvtt);
	u64 most = (u64)globals()->tsc_khz * (lvtt ? APIC_MAX_MS : PIT_MAX_MS);
	u32 base = lvtt ? apic_page() : 0;
	u64 now, delay;
	bool periodic;

	if (lvtt && !base && !x2apic()) {
		violation(V_ALARM, CALL_SetAlarm, 0, ALARM_LVTT);
		return;
	}
	cpu->deadline[lvtt] = 0;
	if (!a) {
		if (lvtt)
			apic_set(base, APIC_TMICT, 0);
		else
			pit_stop();
		return;
	}
	/* The hardware repeats by itself as long as there is one alarm. */
	periodic = a->periodic && !(cpu->alarm[0].armed && cpu->alarm[1].armed) &&
		   a->period <= most;
	/* Measuring the timer takes a while, the first time. */
	if (lvtt)
		apic_khz(base);
	now = rdtsc();
	delay = a->expiry > now ? a->expiry - now : 0;
	if (periodic)
		delay = a->period;
	else
		cpu->deadline[lvtt] = now + delay;
	if (!periodic && delay > most)
		cpu->deadline[lvtt] = now + most;
	if (!periodic && (delay > most || a->periodic ||
			  (cpu->alarm[0].armed && cpu->alarm[1].armed)))
		globals()->chained = 1;
	if (lvtt)
		apic_program(base, delay, periodic);
	else
		pit_program(delay, periodic);
}

/* The timer of a wire has ended: what is due is done, what is not goes on. */
static void poll(struct cpu *cpu, bool lvtt, u64 now)
{
	u32 i;

	/* A millisecond early counts: the clocks are not the same. */
	if (!cpu->deadline[lvtt] ||
	    now + globals()->tsc_khz < cpu->deadline[lvtt])
		return;
	cpu->deadline[lvtt] = 0;
	for (i = 0; i < 2; i++) {
		struct alarm *a = &cpu->alarm[i];

		if (!a->armed || a->lvtt != lvtt || a->expiry > now)
			continue;
		if (!a->periodic)
			a->armed = false;
		while (a->armed && a->expiry <= now)
			a->expiry += a->period;
	}
	if (next_alarm(cpu, lvtt))
		program(cpu, lvtt);
}

static void poll_now(void)
{
	struct cpu *cpu;
	u32 flags;
	u64 now;

	flags = irq_save();
	cpu = this_cpu();
	now = rdtsc();
	poll(cpu, false, now);
	poll(cpu, true, now);
	irq_restore(flags);
}

static void set_alarm(u32 how, u64 expiry, u64 period)
{
	struct cpu *cpu = this_cpu();
	struct alarm *a = &cpu->alarm[how & 1];
	bool lvtt = how & ALARM_LVTT;

	if (a->armed && a->lvtt != lvtt) {
		a->armed = false;
		program(cpu, a->lvtt);
	}
	a->lvtt = lvtt;
	a->expiry = expiry;
	a->period = period;
	a->periodic = (how & ALARM_PERIODIC) && period;
	a->armed = true;
	program(cpu, lvtt);
}

/* Needed only where the hardware could not be told all at once. */
void vmi_timer_poll(void)
{
	if (globals()->chained)
		poll_now();
}

/* EDX:ECX are the expiry, low word first; the period is on the stack. */
void vmi_SetAlarm(u32 how, u32 lo, u32 hi, u32 plo, u32 phi);
void vmi_SetAlarm(u32 how, u32 lo, u32 hi, u32 plo, u32 phi)
{
	u32 flags;

	if (how & ~(ALARM_COUNTER | ALARM_PERIODIC | ALARM_LVTT) ||
	    (how & ALARM_COUNTER) > 1) {
		violation(V_ALARM, CALL_SetAlarm, how, lo);
		return;
	}
	poll_now();
	flags = irq_save();
	set_alarm(how, ((u64)hi << 32 | lo) << shift(),
		  ((u64)phi << 32 | plo) << shift());
	irq_restore(flags);
}

u32 vmi_CancelAlarm(u32 how);
u32 vmi_CancelAlarm(u32 how)
{
	struct cpu *cpu = this_cpu();
	struct alarm *a = &cpu->alarm[how & 1];
	u32 flags, was;

	if (how & ~(ALARM_COUNTER | ALARM_PERIODIC | ALARM_LVTT) ||
	    (how & ALARM_COUNTER) > 1) {
		violation(V_ALARM, CALL_CancelAlarm, how, 0);
		return 0;
	}
	poll_now();
	flags = irq_save();
	was = a->armed;
	a->armed = false;
	if (was)
		program(cpu, a->lvtt);
	irq_restore(flags);
	return was;
}
