// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of the memory that a 32-bit guest shares with Xen.
 *
 * Xen lays it out for the width that it takes the guest to have.  The tests
 * compare what stands there with what other ways tell; they can be run again,
 * through debugfs, once a guest has been restored.
 */
#include <kunit/test.h>

#include <linux/smp.h>
#include <linux/timekeeping.h>

#include <asm/pvclock.h>
#include <asm/xen/hypercall.h>
#include <asm/xen/hypervisor.h>

#include <xen/interface/vcpu.h>
#include <xen/interface/xen.h>
#include <xen/xen.h>

#include "xen-ops.h"

/**
 * struct xen_seen - what a CPU found out about itself
 * @time:	its clock in vcpu_info
 * @now:	the time by that clock, ns
 * @tsc:	its counter, right afterwards
 * @area:	its run states, as Xen writes them into memory
 * @call:	the same as a hypercall answers
 * @err:	of the hypercall
 * @mask:	vcpu_info's event mask while interrupts are disabled
 */
struct xen_seen {
	struct pvclock_vcpu_time_info time;
	u64 now;
	u64 tsc;
	struct vcpu_runstate_info area;
	struct vcpu_runstate_info call;
	int err;
	u8 mask;
};

/* On the CPU in question, with interrupts disabled */
static void xen_look(void *data)
{
	struct pvclock_vcpu_time_info *time = &__this_cpu_read(xen_vcpu)->time;
	struct vcpu_runstate_info again;
	struct xen_seen *seen = data;
	unsigned int version, tries = 100;

	/* A CPU that was taken away meanwhile looks again. */
	do {
		xen_get_runstate_snapshot(&seen->area);
		seen->err = HYPERVISOR_vcpu_op(VCPUOP_get_runstate_info,
					       xen_vcpu_nr(smp_processor_id()),
					       &seen->call);
		xen_get_runstate_snapshot(&again);
	} while (seen->area.state_entry_time != again.state_entry_time &&
		 --tries);

	do {
		version = pvclock_read_begin(time);
		seen->time = *time;
	} while (pvclock_read_retry(time, version));
	seen->now = pvclock_clocksource_read_nowd(time);
	seen->tsc = rdtsc_ordered();
	seen->mask = __this_cpu_read(xen_vcpu)->evtchn_upcall_mask;
}

static int xen_shared_init(struct kunit *test)
{
	if (!xen_domain())
		kunit_skip(test, "not a guest of Xen");
	if (!boot_cpu_has(X86_FEATURE_PV_TIME))
		kunit_skip(test, "Xen does not keep time");

	test->priv = kunit_kzalloc(test, sizeof(struct xen_seen), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

static void xen_clock_test(struct kunit *test)
{
	struct xen_seen *seen = test->priv;
	s64 age;
	int cpu;

	for_each_online_cpu(cpu) {
		smp_call_function_single(cpu, xen_look, seen, 1);
		KUNIT_EXPECT_NE(test, 0, seen->time.tsc_to_system_mul);
		KUNIT_EXPECT_LT(test, abs(seen->time.tsc_shift), 32);
		KUNIT_EXPECT_NE(test, 0, seen->time.tsc_timestamp);
		KUNIT_EXPECT_LE(test, seen->time.tsc_timestamp, seen->tsc);
		KUNIT_EXPECT_GT(test, seen->now, seen->time.system_time);
		/* Both count from the start of Xen, but not on the same CPU. */
		age = seen->now - seen->call.state_entry_time;
		KUNIT_EXPECT_GT(test, age, -20 * NSEC_PER_MSEC);
		KUNIT_EXPECT_LT(test, age, 3600LL * NSEC_PER_SEC);
	}
}

static void xen_runstate_test(struct kunit *test)
{
	struct xen_seen *seen = test->priv;
	int cpu, i;

	for_each_online_cpu(cpu) {
		smp_call_function_single(cpu, xen_look, seen, 1);
		KUNIT_EXPECT_EQ(test, 0, seen->err);
		KUNIT_EXPECT_EQ(test, RUNSTATE_running, seen->area.state);
		KUNIT_EXPECT_EQ(test, RUNSTATE_running, seen->call.state);
		KUNIT_EXPECT_EQ(test, seen->call.state_entry_time,
				seen->area.state_entry_time);
		/* The kernel adds what passed before it was restored. */
		for (i = RUNSTATE_runnable; i <= RUNSTATE_offline; i++)
			KUNIT_EXPECT_GE(test, seen->area.time[i],
					seen->call.time[i]);
	}
}

static void xen_wallclock_test(struct kunit *test)
{
	struct shared_info *shared = HYPERVISOR_shared_info;
	struct timespec64 ts, now;
	time64_t off;

	pvclock_read_wallclock(&shared->wc, &get_cpu_var(xen_vcpu)->time, &ts);
	put_cpu_var(xen_vcpu);
	/* Not the coarse clock, which waits for the next tick */
	ktime_get_real_ts64(&now);
	off = ts.tv_sec - now.tv_sec;
	KUNIT_EXPECT_LE(test, off, 5);
	KUNIT_EXPECT_GE(test, off, -5);
	KUNIT_EXPECT_EQ(test, 0, shared->arch.wc_sec_hi);
}

static void xen_mask_test(struct kunit *test)
{
	struct xen_seen *seen = test->priv;
	int cpu;
	u8 mask;

	if (!xen_pv_domain())
		kunit_skip(test, "the interrupt flag is the CPU's own");
	for_each_online_cpu(cpu) {
		smp_call_function_single(cpu, xen_look, seen, 1);
		KUNIT_EXPECT_EQ(test, 1, seen->mask);
	}
	mask = get_cpu_var(xen_vcpu)->evtchn_upcall_mask;
	put_cpu_var(xen_vcpu);
	KUNIT_EXPECT_EQ(test, 0, mask);
}

static struct kunit_case xen_shared_cases[] = {
	KUNIT_CASE(xen_clock_test),
	KUNIT_CASE(xen_runstate_test),
	KUNIT_CASE(xen_wallclock_test),
	KUNIT_CASE(xen_mask_test),
	{}
};

static struct kunit_suite xen_shared_suite = {
	.name		= "paravirt-xen-shared",
	.init		= xen_shared_init,
	.test_cases	= xen_shared_cases,
};

kunit_test_suite(xen_shared_suite);
MODULE_DESCRIPTION("KUnit tests of the memory that a guest shares with Xen");
MODULE_LICENSE("GPL");
