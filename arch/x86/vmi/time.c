// SPDX-License-Identifier: GPL-2.0
/*
 * Guest of a VMI option ROM: the group "time".
 *
 * Alarms are wired to the timer entry of the local APIC.  Without a local APIC
 * the native timers stay.
 */
#define pr_fmt(fmt) "vmi: " fmt

#include <linux/clockchips.h>
#include <linux/clocksource.h>
#include <linux/hardirq.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/math.h>
#include <linux/math64.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/sched/clock.h>
#include <linux/smp.h>
#include <linux/timekeeping.h>

#include <asm/apic.h>
#include <asm/desc.h>
#include <asm/idtentry.h>
#include <asm/irq_regs.h>
#include <asm/irq_vectors.h>
#include <asm/paravirt_groups.h>
#include <asm/timer.h>
#include <asm/tsc.h>
#include <asm/x86_init.h>

#include "vmi.h"

VMI_DECLARE_CALL(cycle_hz, u64, void);
VMI_DECLARE_CALL(cycles, u64, u32 counter);
VMI_DECLARE_CALL(set_alarm, void, u32 flags, u32 lo, u32 hi, u32 period_lo,
		 u32 period_hi);
VMI_DECLARE_CALL(cancel_alarm, u32, u32 flags);
VMI_DECLARE_CALL(wallclock, u64, void);

VMI_DEFINE_CALL(cycle_hz);
VMI_DEFINE_CALL(cycles);
VMI_DEFINE_CALL(set_alarm);
VMI_DEFINE_CALL(cancel_alarm);
VMI_DEFINE_CALL(wallclock);

#define VMI_ALARM	(VMI_CYCLES_REAL | VMI_ALARM_LVTT)

/* A counter slower or faster than these is an error of the ROM. */
#define VMI_MIN_HZ	1000000ULL
#define VMI_MAX_HZ	100000000000ULL

/* How long, and how often, the counter is compared with the TSC */
#define VMI_TSC_CYCLES	1000000
#define VMI_TSC_TRIES	5

static u64 vmi_hz __ro_after_init;

/*
 * Clocks are set up with 32 bits, which Hz of fast counters do not fit: this is
 * in Hz, or in kHz, as the scale of 1 or 1000 says.
 */
static u32 vmi_freq __ro_after_init;
static u32 vmi_scale __ro_after_init;
static u32 vmi_clock_mult __ro_after_init;
static u32 vmi_clock_shift __ro_after_init;

/* The console reads it, that of a kernel that crashed in the ROM included. */
static noinstr u64 vmi_sched_clock(void)
{
	if (unlikely(vmi_crashed))
		return native_sched_clock();
	return mul_u64_u32_shr(vmi_call(cycles, VMI_CYCLES_AVAILABLE),
			       vmi_clock_mult, vmi_clock_shift);
}

static u64 vmi_clocksource_read(struct clocksource *cs)
{
	return vmi_call(cycles, VMI_CYCLES_REAL);
}

static struct clocksource vmi_clocksource = {
	.name	= "vmi",
	.rating	= 450,
	.read	= vmi_clocksource_read,
	.mask	= CLOCKSOURCE_MASK(64),
	.flags	= CLOCK_SOURCE_IS_CONTINUOUS,
};

static DEFINE_PER_CPU(struct clock_event_device, vmi_clockevent);

static void vmi_set_alarm(u32 flags, u64 expiry, u64 period)
{
	vmi_call(set_alarm, VMI_ALARM | flags, expiry, expiry >> 32, period,
		 period >> 32);
}

static int vmi_next_event(unsigned long delta, struct clock_event_device *dev)
{
	vmi_set_alarm(0, vmi_call(cycles, VMI_CYCLES_REAL) + delta, 0);
	return 0;
}

static int vmi_set_periodic(struct clock_event_device *dev)
{
	u64 period = div_u64(vmi_hz, HZ);

	vmi_set_alarm(VMI_ALARM_PERIODIC,
		      vmi_call(cycles, VMI_CYCLES_REAL) + period, period);
	return 0;
}

static int vmi_shutdown(struct clock_event_device *dev)
{
	vmi_call(cancel_alarm, VMI_ALARM);
	return 0;
}

DEFINE_IDTENTRY_SYSVEC(sysvec_vmi_timer)
{
	struct pt_regs *old_regs = set_irq_regs(regs);
	struct clock_event_device *dev = this_cpu_ptr(&vmi_clockevent);

	apic_eoi();
	inc_irq_stat(apic_timer_irqs);
	if (dev->event_handler)
		dev->event_handler(dev);
	set_irq_regs(old_regs);
}

/* As clockevents_config_and_register(), from one microsecond on */
static void vmi_register_clockevent(struct clock_event_device *dev)
{
	dev->min_delta_ticks = div_u64(vmi_hz, USEC_PER_SEC);
	dev->max_delta_ticks = U32_MAX;
	clocks_calc_mult_shift(&dev->mult, &dev->shift,
			       NSEC_PER_SEC / vmi_scale, vmi_freq,
			       U32_MAX / vmi_freq);
	dev->min_delta_ns = clockevent_delta2ns(dev->min_delta_ticks, dev);
	dev->max_delta_ns = clockevent_delta2ns(dev->max_delta_ticks, dev);
	clockevents_register_device(dev);
}

static void vmi_setup_clockevent(void)
{
	struct clock_event_device *dev = this_cpu_ptr(&vmi_clockevent);

	if (apic_is_disabled || !boot_cpu_has(X86_FEATURE_APIC))
		return;

	*dev = (struct clock_event_device) {
		.name			= "vmi",
		.features		= CLOCK_EVT_FEAT_ONESHOT |
					  CLOCK_EVT_FEAT_PERIODIC,
		.rating			= 200,
		.cpumask		= cpumask_of(smp_processor_id()),
		.set_next_event		= vmi_next_event,
		.set_state_periodic	= vmi_set_periodic,
		.set_state_shutdown	= vmi_shutdown,
		.set_state_oneshot_stopped = vmi_shutdown,
	};
	/* Setting an alarm unmasks the entry; the vector is ours to set. */
	apic_write(APIC_LVTT, APIC_LVT_MASKED | HYPERVISOR_CALLBACK_VECTOR);
	vmi_register_clockevent(dev);
}

static unsigned long vmi_calibrate(void)
{
	return div_u64(vmi_hz, 1000);
}

static void vmi_get_wallclock(struct timespec64 *now)
{
	*now = ns_to_timespec64(vmi_call(wallclock));
}

static int vmi_set_wallclock(const struct timespec64 *now)
{
	return -ENODEV;
}

static int __init vmi_register_clocksource(void)
{
	if (!vmi_hz)
		return 0;
	return __clocksource_register_scale(&vmi_clocksource, vmi_scale,
					    vmi_freq);
}
device_initcall(vmi_register_clocksource);

static void __init vmi_install_alarms(void)
{
	VMI_BIND(set_alarm, VMI_CALL_SET_ALARM);
	VMI_BIND(cancel_alarm, VMI_CALL_CANCEL_ALARM);
	sysvec_install(HYPERVISOR_CALLBACK_VECTOR, sysvec_vmi_timer);
	x86_init.timers.setup_percpu_clockev = vmi_setup_clockevent;
	x86_cpuinit.setup_percpu_clockev = vmi_setup_clockevent;
}

/*
 * Is it the TSC that the ROM counts?  Delay loops do, so that no other frequency
 * is of use to them.  A CPU that is taken away in between spoils a comparison.
 */
static bool __init vmi_counts_tsc(void)
{
	u64 counter, start, tsc;
	int tries;

	if (!boot_cpu_has(X86_FEATURE_TSC))
		return false;
	for (tries = 0; tries < VMI_TSC_TRIES; tries++) {
		counter = vmi_call(cycles, VMI_CYCLES_REAL);
		start = rdtsc();
		do {
			tsc = rdtsc() - start;
		} while (tsc < VMI_TSC_CYCLES);
		counter = vmi_call(cycles, VMI_CYCLES_REAL) - counter;
		if (abs_diff(counter, tsc) < tsc / 8)
			return true;
	}
	pr_info("the ROM does not count cycles of the TSC, which is calibrated natively\n");
	return false;
}

/* Ask for the frequency.  Return: whether it is one that can be. */
static bool __init vmi_get_frequency(void)
{
	u64 hz;

	VMI_BIND(cycle_hz, VMI_CALL_CYCLE_HZ);
	hz = vmi_call(cycle_hz);
	if (hz < VMI_MIN_HZ || hz > VMI_MAX_HZ) {
		pr_warn("a cycle counter of %llu Hz cannot be; time stays native\n",
			hz);
		return false;
	}

	vmi_hz = hz;
	vmi_scale = hz > U32_MAX ? 1000 : 1;
	vmi_freq = div_u64(hz, vmi_scale);
	return true;
}

/**
 * vmi_time_install() - install what the ROM offers of the time group
 *
 * Boot CPU, interrupts off, before the TSC is calibrated and before the vectors
 * of the system are set up.
 */
void __init vmi_time_install(void)
{
	if (!vmi_has(VMI_CALL_CYCLE_HZ) || !vmi_has(VMI_CALL_CYCLES))
		return;
	if (paravirt_wanted(&x86_hyper_vmi, PV_GROUP_TIME) &&
	    !vmi_get_frequency())
		return;
	if (!paravirt_claim(&x86_hyper_vmi, PV_GROUP_TIME))
		return;

	VMI_BIND(cycles, VMI_CALL_CYCLES);
	clocks_calc_mult_shift(&vmi_clock_mult, &vmi_clock_shift, vmi_freq,
			       NSEC_PER_SEC / vmi_scale, 3600 * vmi_scale);
	if (vmi_counts_tsc()) {
		x86_platform.calibrate_cpu = vmi_calibrate;
		x86_platform.calibrate_tsc = vmi_calibrate;
	}
	/* Time that is stolen from one CPU is not stolen from another. */
	clear_sched_clock_stable();
	paravirt_set_sched_clock(vmi_sched_clock);

	if (vmi_has(VMI_CALL_SET_ALARM) && vmi_has(VMI_CALL_CANCEL_ALARM))
		vmi_install_alarms();

	if (vmi_has(VMI_CALL_WALLCLOCK)) {
		VMI_BIND(wallclock, VMI_CALL_WALLCLOCK);
		x86_platform.get_wallclock = vmi_get_wallclock;
		x86_platform.set_wallclock = vmi_set_wallclock;
	}
}
