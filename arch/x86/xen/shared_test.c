// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of what a 32-bit guest shares with Xen, and of what it does while
 * Xen saves it.
 *
 * Xen lays shared memory out for the width that it takes the guest to have.  The
 * tests compare what stands there with what other ways tell; they can be run
 * again, through debugfs, while a guest is saved and once it has been restored.
 */
#include <kunit/test.h>

#include <linux/delay.h>
#include <linux/highmem.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/smp.h>
#include <linux/stop_machine.h>
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

	test->priv = kunit_kzalloc(test, sizeof(struct xen_seen), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

static void xen_need_time(struct kunit *test)
{
	if (!boot_cpu_has(X86_FEATURE_PV_TIME))
		kunit_skip(test, "Xen does not keep time");
}

static void xen_clock_test(struct kunit *test)
{
	struct xen_seen *seen = test->priv;
	s64 age;
	int cpu;

	xen_need_time(test);
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

	xen_need_time(test);
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

	xen_need_time(test);
	pvclock_read_wallclock(&shared->wc, &get_cpu_var(xen_vcpu)->time, &ts);
	put_cpu_var(xen_vcpu);
	/*
	 * Not the coarse clock, which waits for the next tick.  Ticks that a
	 * busy host loses before the kernel has a clocksource make it late.
	 */
	ktime_get_real_ts64(&now);
	off = ts.tv_sec - now.tv_sec;
	KUNIT_EXPECT_LE(test, off, 60);
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
	xen_need_time(test);
	for_each_online_cpu(cpu) {
		smp_call_function_single(cpu, xen_look, seen, 1);
		KUNIT_EXPECT_EQ(test, 1, seen->mask);
	}
	mask = get_cpu_var(xen_vcpu)->evtchn_upcall_mask;
	put_cpu_var(xen_vcpu);
	KUNIT_EXPECT_EQ(test, 0, mask);
}

struct xen_stack_work {
	struct irq_work work;
	unsigned long sp;
};

static void xen_note_stack(struct irq_work *work)
{
	WRITE_ONCE(container_of(work, struct xen_stack_work, work)->sp,
		   current_stack_pointer);
}

/* Handlers of events leave the stack that the event interrupted. */
static void xen_irq_stack_test(struct kunit *test)
{
	struct xen_stack_work work = {
		.work = IRQ_WORK_INIT_HARD(xen_note_stack),
	};
	unsigned long timeout = jiffies + 10 * HZ;
	void *stack;

	if (!xen_pv_domain())
		kunit_skip(test, "events are interrupts");
	preempt_disable();
	stack = __this_cpu_read(pcpu_hot.hardirq_stack_ptr);
	irq_work_queue(&work.work);
	while (!READ_ONCE(work.sp) && time_before(jiffies, timeout))
		cpu_relax();
	preempt_enable();
	irq_work_sync(&work.work);

	KUNIT_EXPECT_PTR_EQ(test, stack,
			    (void *)round_down(work.sp, THREAD_SIZE));
}

#if defined(CONFIG_XEN_PV) && defined(CONFIG_KMAP_LOCAL)
/**
 * struct xen_held - a page that stays mapped by somebody who cannot be frozen
 * @page:	its first word is its own frame number
 * @task:	who has it mapped
 * @looks:	how often @task found that word there
 * @bad:	and how often not
 * @entry:	@task's entry
 * @raw:	the same as xen_pv_pre_suspend() leaves it
 * @after:	and after xen_pv_post_suspend()
 */
struct xen_held {
	struct page *page;
	struct task_struct *task;
	unsigned int looks, bad;
	pte_t entry, raw, after;
};

/* From one run of the test to the next, between which a guest may be saved */
static struct xen_held xen_held;

static int xen_hold(void *data)
{
	struct xen_held *held = data;
	unsigned long pfn = page_to_pfn(held->page);
	/* Whether or not it is high memory */
	unsigned long *word = __kmap_local_pfn_prot(pfn, PAGE_KERNEL);

	while (!kthread_should_stop()) {
		if (READ_ONCE(*word) == pfn)
			held->looks++;
		else
			held->bad++;
		schedule_timeout_idle(HZ / 10);
	}
	kunmap_local(word);
	return 0;
}

static int xen_look_at_held(void *data)
{
	struct xen_held *held = data;
	struct kmap_ctrl *ctrl = &held->task->kmap_ctrl;
	int i = ctrl->idx - 1;

	if (i < 0)
		return -EAGAIN;
	held->entry = ctrl->pteval[i];
	xen_kmap_local_frames(true);
	held->raw = ctrl->pteval[i];
	xen_kmap_local_frames(false);
	held->after = ctrl->pteval[i];
	return 0;
}

/* What a task has mapped is the same page after it slept, and after a save. */
static void xen_kmap_test(struct kunit *test)
{
	struct xen_held *held = &xen_held;
	unsigned long *word, pfn;
	int err, tries = 100;

	if (!xen_pv_domain())
		kunit_skip(test, "frame numbers are the guest's own");

	if (held->task) {
		kthread_stop(held->task);
		KUNIT_EXPECT_GT(test, held->looks, 0);
		KUNIT_EXPECT_EQ(test, held->bad, 0);
		__free_page(held->page);
	}

	*held = (struct xen_held){ .page = alloc_page(GFP_HIGHUSER) };
	KUNIT_ASSERT_NOT_NULL(test, held->page);
	pfn = page_to_pfn(held->page);
	word = kmap_local_page(held->page);
	*word = pfn;
	kunmap_local(word);

	/* A task with a local mapping keeps its CPU from going away. */
	held->task = kthread_run_on_cpu(xen_hold, held, 0, "xen-kmap-%u");
	if (IS_ERR(held->task)) {
		held->task = NULL;
		__free_page(held->page);
	}
	KUNIT_ASSERT_NOT_NULL(test, held->task);

	do {
		msleep(20);
		err = stop_machine(xen_look_at_held, held, NULL);
	} while (err && --tries);

	KUNIT_EXPECT_EQ(test, 0, err);
	KUNIT_EXPECT_EQ(test, pfn, pte_pfn(held->entry));
	KUNIT_EXPECT_EQ(test, pfn, (native_pte_val(held->raw) & PTE_PFN_MASK) >>
				   PAGE_SHIFT);
	KUNIT_EXPECT_EQ(test, native_pte_val(held->entry),
			native_pte_val(held->after));
}
#endif

static struct kunit_case xen_shared_cases[] = {
	KUNIT_CASE(xen_clock_test),
	KUNIT_CASE(xen_runstate_test),
	KUNIT_CASE(xen_wallclock_test),
	KUNIT_CASE(xen_mask_test),
	KUNIT_CASE(xen_irq_stack_test),
#if defined(CONFIG_XEN_PV) && defined(CONFIG_KMAP_LOCAL)
	KUNIT_CASE(xen_kmap_test),
#endif
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
