// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit test of paravirt call sites in a module.
 *
 * The kernel audits the sites of each module when it is loaded; this one has
 * sites of several kinds, and checks that they were counted and found right.
 */
#include <kunit/test.h>

#include <linux/cpufeature.h>
#include <linux/module.h>
#include <linux/pgtable.h>
#include <linux/spinlock.h>

#include <asm/paravirt.h>
#include <asm/paravirt_groups.h>

static DEFINE_SPINLOCK(pv_module_lock);

/* At least one site of each group that modules can use, doing its work */
static void pv_module_ops_test(struct kunit *test)
{
	unsigned long flags;
	pte_t pte;

	spin_lock_irqsave(&pv_module_lock, flags);
	KUNIT_EXPECT_TRUE(test, irqs_disabled());
	spin_unlock_irqrestore(&pv_module_lock, flags);
	KUNIT_EXPECT_FALSE(test, irqs_disabled());

	KUNIT_EXPECT_TRUE(test, read_cr0() & X86_CR0_PG);

	set_pte(&pte, native_make_pte(0));
	KUNIT_EXPECT_EQ(test, 0, native_pte_val(pte));
	OPTIMIZER_HIDE_VAR(pte.pte_low);
	KUNIT_EXPECT_EQ(test, 0, pte_pfn(pte));
}

static void pv_module_audit_test(struct kunit *test)
{
	u32 good = 0;
	int g;

	for (g = 0; g < PV_NR_GROUPS; g++) {
		const u32 *n = pv_module_sites.n[g];

		KUNIT_EXPECT_EQ(test, 0, n[PV_STATE_BAD]);
		KUNIT_EXPECT_EQ(test, 0, n[PV_STATE_INDIRECT]);
		good += n[PV_STATE_NATIVE] + n[PV_STATE_DIRECT] +
			n[PV_STATE_NOP];
	}
	KUNIT_EXPECT_GE(test, good, 5);

	/* The flag is cleared by an instruction or by a call, never both. */
	if (boot_cpu_has(X86_FEATURE_PV_IRQ))
		KUNIT_EXPECT_EQ(test, 0,
				pv_module_sites.n[PV_GROUP_IRQ][PV_STATE_NATIVE]);
	else
		KUNIT_EXPECT_NE(test, 0,
				pv_module_sites.n[PV_GROUP_IRQ][PV_STATE_NATIVE]);
}

/* After boot nobody writes pv_ops, whatever the size of its page. */
static void pv_module_readonly_test(struct kunit *test)
{
	unsigned int level;
	pte_t *pte = lookup_address((unsigned long)&pv_ops, &level);

	KUNIT_ASSERT_NOT_NULL(test, pte);
	KUNIT_EXPECT_FALSE(test, pte_write(*pte));
}

static struct kunit_case pv_module_cases[] = {
	KUNIT_CASE(pv_module_ops_test),
	KUNIT_CASE(pv_module_readonly_test),
	KUNIT_CASE(pv_module_audit_test),
	{}
};

static struct kunit_suite pv_module_suite = {
	.name		= "paravirt-module",
	.test_cases	= pv_module_cases,
};

kunit_test_suite(pv_module_suite);

static bool double_fault;
module_param(double_fault, bool, 0);
MODULE_PARM_DESC(double_fault, "Crash: push to a stack that is not there");

/* Neither the word nor the frame of the page fault has a place. */
static int __init pv_module_init(void)
{
	if (double_fault)
		asm volatile("movl %0, %%esp; pushl $0" : : "i" (PAGE_SIZE));
	return 0;
}
module_init(pv_module_init);

static void __exit pv_module_exit(void)
{
}
module_exit(pv_module_exit);

MODULE_DESCRIPTION("KUnit test of paravirt call sites in a module");
MODULE_LICENSE("GPL");
