// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of paravirt_ops on i386.
 *
 * They run while init sections are there and pv_ops can still be written, so
 * that the door can be tried for real; what a test changes it puts back.
 */
#include <kunit/test.h>

#include <linux/bsearch.h>
#include <linux/cpufeature.h>
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/irq_work.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/sort.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include <asm/alternative.h>
#include <asm/fixmap.h>
#include <asm/hypervisor.h>
#include <asm/irq_work.h>
#include <asm/nospec-branch.h>
#include <asm/paravirt.h>
#include <asm/paravirt_groups.h>
#include <asm/text-patching.h>
#include <asm/tlbflush.h>
#include <asm/vmi.h>

#include "paravirt_test.h"

/* The option */

static const struct {
	const char *list;
	u32 mask;
	u32 bad;
} pv_lists[] = {
	{ "cpu",		PV_CPU },
	{ "irq",		PV_IRQ },
	{ "mmu",		PV_MMU },
	{ "lock",		PV_LOCK },
	{ "time",		PV_TIME },
	{ "apic",		PV_APIC },
	{ "all",		PV_ALL },
	{ "ALL",		PV_ALL },
	{ "Mmu,IRQ",		PV_MMU | PV_IRQ },
	{ "0x6",		PV_IRQ | PV_MMU },
	{ "6",			PV_IRQ | PV_MMU },
	{ "0x3f",		PV_ALL },
	{ "0",			0 },
	{ "0x0",		0 },
	{ "mmu,0x8,time",	PV_MMU | PV_LOCK | PV_TIME },
	{ "mmu,mmu",		PV_MMU },
	{ "",			0 },
	{ ",",			0 },
	{ ",mmu,,irq,",		PV_MMU | PV_IRQ },
	{ "warp",		0,		1 },
	{ "mm",			0,		1 },
	{ "mmuu",		0,		1 },
	{ "al",			0,		1 },
	{ "0x40",		0,		1 },
	{ "0x46",		0,		1 },
	{ "64",			0,		1 },
	{ "-1",			0,		1 },
	{ "6x",			0,		1 },
	{ "0x",			0,		1 },
	{ "4294967297",		0,		1 },
	{ "000000000000006",	0,		1 },
	{ "010",		PV_CPU << 1 | PV_LOCK },
	{ "08",			PV_LOCK },
	{ "0X10",		PV_TIME },
	{ "mmu irq",		PV_MMU | PV_IRQ },
	{ "cpu, irq",		PV_CPU | PV_IRQ },
	{ " mmu\t, ",		PV_MMU },
	{ "cpu,warp,irq,9z",	PV_CPU | PV_IRQ, 2 },
};

static void __init pv_parse_test(struct kunit *test)
{
	unsigned int i;
	char *longest;
	u32 bad;

	for (i = 0; i < ARRAY_SIZE(pv_lists); i++) {
		KUNIT_EXPECT_EQ_MSG(test, pv_lists[i].mask,
				    paravirt_parse_groups(pv_lists[i].list, &bad),
				    "'%s'", pv_lists[i].list);
		KUNIT_EXPECT_EQ_MSG(test, pv_lists[i].bad, bad, "'%s'",
				    pv_lists[i].list);
	}

	/* Longer than any buffer. */
	longest = kunit_kzalloc(test, 4096, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, longest);
	memset(longest, 'm', 4000);
	memcpy(longest + 4000, ",irq", 4);
	KUNIT_EXPECT_EQ(test, PV_IRQ, paravirt_parse_groups(longest, &bad));
	KUNIT_EXPECT_EQ(test, 1, bad);
}

/* The door */

static void pv_fake_exit_mmap(struct mm_struct *mm)
{
}

static void pv_fake_write_cr2(unsigned long val)
{
}

static const struct hypervisor_x86 pv_fake_hv __initconst = {
	.name		= "fake",
	.pv_provides	= PV_MMU,
};

static const struct hypervisor_x86 pv_needy_hv __initconst = {
	.name		= "needy",
	.pv_provides	= PV_MMU,
	.pv_requires	= PV_MMU,
	.pv_reason	= "of the test",
};

static const typeof(pv_ops) pv_fake_call_ops __initconst = {
	.mmu.exit_mmap = pv_fake_exit_mmap,
	.irq.halt = (void *)pv_fake_exit_mmap,
};

static const typeof(pv_ops) pv_fake_inline_ops __initconst = {
	.mmu.write_cr2 = pv_fake_write_cr2,
};

struct pv_saved {
	struct paravirt_patch_template ops;
	struct pv_group_state groups[PV_NR_GROUPS];
	u32 disabled;
	u32 features;
};

static u32 pv_features(void)
{
	u32 mask = 0;
	int g;

	for (g = 0; g < PV_NR_GROUPS; g++)
		if (boot_cpu_has(X86_FEATURE_PV_CPU + g))
			mask |= BIT(g);
	return mask;
}

static int pv_door_init(struct kunit *test)
{
	struct pv_saved *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	if (!s)
		return -ENOMEM;
	s->ops = pv_ops;
	memcpy(s->groups, pv_groups, sizeof(pv_groups));
	s->disabled = pv_disabled;
	s->features = pv_features();
	pv_door_held_open = true;
	test->priv = s;
	return 0;
}

static void pv_door_exit(struct kunit *test)
{
	struct pv_saved *s = test->priv;

	pv_ops = s->ops;
	memcpy(pv_groups, s->groups, sizeof(pv_groups));
	pv_disabled = s->disabled;
	pv_door_held_open = false;
}

static void __init pv_door_allowed_test(struct kunit *test)
{
	struct pv_saved *s = test->priv;

	pv_disabled = PV_ALL & ~PV_MMU;
	KUNIT_EXPECT_TRUE(test, paravirt_install(&pv_fake_hv, PV_GROUP_MMU,
						 &pv_fake_call_ops));
	KUNIT_EXPECT_PTR_EQ(test, (void *)pv_ops.mmu.exit_mmap,
			    (void *)pv_fake_exit_mmap);
	KUNIT_EXPECT_STREQ(test, pv_groups[PV_GROUP_MMU].owner, "fake");

	/* Other slots of the group, and other groups in the table: untouched */
	pv_ops.mmu.exit_mmap = s->ops.mmu.exit_mmap;
	KUNIT_EXPECT_MEMEQ(test, &pv_ops, &s->ops, sizeof(pv_ops));

	/* A replaced call leaves the inlined operations native. */
	KUNIT_EXPECT_EQ(test, pv_features(), s->features);
}

/* Features are fixed by the time tests run: ask what would set them. */
static void __init pv_door_inlined_test(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, pv_has_inlined(PV_GROUP_MMU,
						&pv_fake_call_ops));
	KUNIT_EXPECT_FALSE(test, pv_has_inlined(PV_GROUP_IRQ,
						&pv_fake_call_ops));
	KUNIT_EXPECT_TRUE(test, pv_has_inlined(PV_GROUP_MMU,
					       &pv_fake_inline_ops));
	KUNIT_EXPECT_FALSE(test, pv_has_inlined(PV_GROUP_CPU,
						&pv_fake_inline_ops));
}

static void __init pv_door_refused_test(struct kunit *test)
{
	struct pv_saved *s = test->priv;

	pv_disabled = PV_MMU;
	KUNIT_EXPECT_FALSE(test, paravirt_install(&pv_fake_hv, PV_GROUP_MMU,
						  &pv_fake_inline_ops));
	KUNIT_EXPECT_MEMEQ(test, &pv_ops, &s->ops, sizeof(pv_ops));
	KUNIT_EXPECT_EQ(test, pv_features(), s->features);
	KUNIT_EXPECT_PTR_EQ(test, pv_groups[PV_GROUP_MMU].owner,
			    s->groups[PV_GROUP_MMU].owner);
	KUNIT_EXPECT_STREQ(test, pv_groups[PV_GROUP_MMU].denied, "fake");
}

static void __init pv_door_required_test(struct kunit *test)
{
	pv_disabled = PV_ALL;
	KUNIT_EXPECT_TRUE(test, paravirt_install(&pv_needy_hv, PV_GROUP_MMU,
						 &pv_fake_call_ops));
	KUNIT_EXPECT_PTR_EQ(test, (void *)pv_ops.mmu.exit_mmap,
			    (void *)pv_fake_exit_mmap);
	KUNIT_EXPECT_STREQ(test, pv_groups[PV_GROUP_MMU].owner, "needy");
	KUNIT_EXPECT_STREQ(test, pv_groups[PV_GROUP_MMU].reason, "of the test");
}

static void __init pv_door_late_test(struct kunit *test)
{
	struct pv_saved *s = test->priv;

	pv_door_held_open = false;
	pv_disabled = 0;
	KUNIT_EXPECT_FALSE(test, paravirt_install(&pv_needy_hv, PV_GROUP_MMU,
						  &pv_fake_call_ops));
	KUNIT_EXPECT_MEMEQ(test, &pv_ops, &s->ops, sizeof(pv_ops));
	KUNIT_EXPECT_MEMEQ(test, pv_groups, s->groups, sizeof(pv_groups));
}

static void pv_slots_test(struct kunit *test)
{
	unsigned int i, n = sizeof(pv_ops) / sizeof(void *);

	for (i = 0; i < n; i++) {
		int g = paravirt_slot_group(i);

		KUNIT_EXPECT_GE(test, g, 0);
		KUNIT_ASSERT_NOT_NULL(test, paravirt_slot_name(i));
		KUNIT_EXPECT_EQ(test, 0, strncmp(paravirt_slot_name(i),
						 pv_group_names[g],
						 strlen(pv_group_names[g])));
		/* The operations of locks are an option. */
		if (g != PV_GROUP_LOCK || IS_ENABLED(CONFIG_PARAVIRT_SPINLOCKS))
			KUNIT_EXPECT_NOT_NULL(test, ((void **)&pv_ops)[i]);
	}
	KUNIT_EXPECT_EQ(test, -1, paravirt_slot_group(n));
	KUNIT_EXPECT_NULL(test, paravirt_slot_name(n));
}

/* The call sites */

static void pv_audit_test(struct kunit *test)
{
	struct pv_site_counts *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	u32 sites = 0;
	int g, s;

	KUNIT_ASSERT_NOT_NULL(test, c);
	paravirt_audit_sites(__pv_sites, __pv_sites_end, c);

	for (g = 0; g < PV_NR_GROUPS; g++) {
		KUNIT_EXPECT_EQ_MSG(test, 0, c->n[g][PV_STATE_BAD], "%s",
				    pv_group_names[g]);
		KUNIT_EXPECT_EQ_MSG(test, 0, c->n[g][PV_STATE_INDIRECT], "%s",
				    pv_group_names[g]);
		for (s = 0; s < PV_NR_STATES; s++)
			sites += c->n[g][s];
	}
	KUNIT_EXPECT_EQ(test, sites, __pv_sites_end - __pv_sites);
	KUNIT_EXPECT_GT(test, sites, 500);
}

/* Does the kernel patch what @a describes by what backends have installed? */
static bool pv_alt_depends(const struct alt_instr *a)
{
	if (a->flags & ALT_FLAG_DIRECT_CALL)
		return true;
	return (a->cpuid >= X86_FEATURE_PV_CPU &&
		a->cpuid < X86_FEATURE_PV_CPU + PV_NR_GROUPS) ||
	       a->cpuid == X86_FEATURE_PVUNLOCK ||
	       a->cpuid == X86_FEATURE_VCPUPREEMPT;
}

static int pv_compare(const void *a, const void *b)
{
	unsigned long x = *(unsigned long *)a, y = *(unsigned long *)b;

	return x < y ? -1 : x > y;
}

/* As static_cpu_has() leaves it: a jump to what is done without the feature */
static bool pv_branch_is_right(const struct alt_instr *a, const u8 *p)
{
	bool jumps = *p == JMP8_INSN_OPCODE || *p == JMP32_INSN_OPCODE;

	return !a->replacementlen && !(a->flags & ALT_FLAG_NOT) &&
	       jumps == !boot_cpu_has(a->cpuid);
}

/* No site is without a record, so that the audit sees all of them. */
static void pv_audit_complete_test(struct kunit *test)
{
	unsigned int i, n = __pv_sites_end - __pv_sites, branches = 0;
	unsigned long *sites;
	struct alt_instr *a;

	sites = kunit_kcalloc(test, n, sizeof(*sites), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, sites);
	for (i = 0; i < n; i++)
		sites[i] = (unsigned long)&__pv_sites[i].offset +
			   __pv_sites[i].offset;
	sort(sites, n, sizeof(*sites), pv_compare, NULL);

	for (a = __alt_instructions; a < __alt_instructions_end; a++) {
		unsigned long p = (unsigned long)&a->instr_offset +
				  a->instr_offset;

		if (!pv_alt_depends(a) ||
		    bsearch(&p, sites, n, sizeof(*sites), pv_compare))
			continue;
		KUNIT_EXPECT_TRUE_MSG(test, pv_branch_is_right(a, (u8 *)p),
				      "%pS has no record", (void *)p);
		branches++;
	}
	KUNIT_EXPECT_GT(test, n, branches);
}

/* A site made of @bytes: what does the audit say? */
static enum pv_site_state pv_judge(u8 kind, u16 op, const u8 *bytes, u8 len)
{
	static struct {
		struct pv_site site;
		u8 text[16];
	} s;

	s.site.offset = offsetof(typeof(s), text);
	s.site.len = len;
	s.site.kind = kind;
	s.site.op = op;
	memcpy(s.text, bytes, len);
	if (bytes[0] == CALL_INSN_OPCODE)
		*(s32 *)(s.text + 1) += (long)pv_ops.cpu.write_cr4 -
					(long)(s.text + CALL_INSN_SIZE);
	return paravirt_audit_site(&s.site);
}

#define OP(op)	(offsetof(struct paravirt_patch_template, op) / sizeof(void *))
#define JUDGE(kind, op, ...) \
	pv_judge(kind, OP(op), (const u8[]){ __VA_ARGS__ }, \
		 sizeof((const u8[]){ __VA_ARGS__ }))

static void pv_audit_judges_test(struct kunit *test)
{
	enum pv_site_state irq = boot_cpu_has(X86_FEATURE_PV_IRQ) ?
				 PV_STATE_BAD : PV_STATE_NATIVE;
	enum pv_site_state __maybe_unused mmu =
		boot_cpu_has(X86_FEATURE_PV_MMU) ? PV_STATE_BAD :
						   PV_STATE_NATIVE;

	/* cli, padded with prefixes or with NOPs, and sti */
	KUNIT_EXPECT_EQ(test, irq, JUDGE(PV_SITE_ALT, irq.irq_disable,
					 0x3e, 0x3e, 0x3e, 0x3e, 0x3e, 0xfa));
	KUNIT_EXPECT_EQ(test, irq, JUDGE(PV_SITE_ALT, irq.irq_disable,
					 0xfa, 0x90, 0x90));
	KUNIT_EXPECT_EQ(test, PV_STATE_BAD, JUDGE(PV_SITE_ALT, irq.irq_disable,
						  0x3e, 0x3e, 0xfb));
	KUNIT_EXPECT_EQ(test, PV_STATE_BAD, JUDGE(PV_SITE_ALT, irq.irq_disable,
						  0xfa, 0xfa));
	KUNIT_EXPECT_EQ(test, PV_STATE_BAD, JUDGE(PV_SITE_ALT, irq.irq_disable,
						  0x3e, 0x3e, 0x3e));

	/* a call to the operation, to another, and one to nowhere near */
	KUNIT_EXPECT_EQ(test, PV_STATE_DIRECT, JUDGE(PV_SITE_CALL, cpu.write_cr4,
						     0xe8, 0, 0, 0, 0, 0x90));
	KUNIT_EXPECT_EQ(test, PV_STATE_BAD, JUDGE(PV_SITE_CALL, cpu.write_cr0,
						  0xe8, 0, 0, 0, 0, 0x90));
	KUNIT_EXPECT_EQ(test, PV_STATE_BAD, JUDGE(PV_SITE_CALL, cpu.write_cr4,
						  0xe8, 1, 0, 0, 0, 0x90));
	KUNIT_EXPECT_EQ(test, PV_STATE_BAD, JUDGE(PV_SITE_CALL, cpu.write_cr4,
						  0x90, 0x90, 0x90));

	/* stores to a page table entry: the halves in order, and not */
#ifdef CONFIG_X86_PAE
	KUNIT_EXPECT_EQ(test, mmu, JUDGE(PV_SITE_GOTO, mmu.set_pte,
					 0x89, 0x56, 0x04, 0x89, 0x06));
	KUNIT_EXPECT_EQ(test, PV_STATE_BAD, JUDGE(PV_SITE_GOTO, mmu.set_pte,
						  0x89, 0x06, 0x89, 0x56, 0x04));
	KUNIT_EXPECT_EQ(test, PV_STATE_BAD, JUDGE(PV_SITE_GOTO, mmu.set_pte,
						  0x89, 0x56, 0x04, 0x90, 0x90));
	KUNIT_EXPECT_EQ(test, PV_STATE_BAD, JUDGE(PV_SITE_GOTO, mmu.set_pte,
						  0x89, 0x56, 0x04, 0x89, 0x07));
#endif
	KUNIT_EXPECT_EQ(test, PV_STATE_BAD, JUDGE(PV_SITE_GOTO, mmu.set_pte,
						  0x90, 0x90, 0x90, 0x90, 0x90));

	/* jumps that lead to data, or nowhere, instead of other code */
	KUNIT_EXPECT_EQ(test, PV_STATE_BAD, JUDGE(PV_SITE_GOTO, mmu.set_pte,
						  0xe9, 0x10, 0, 0, 0));
	KUNIT_EXPECT_EQ(test, PV_STATE_BAD, JUDGE(PV_SITE_BRANCH, cpu.iret,
						  0xeb, 0x10, 0x90));
	KUNIT_EXPECT_EQ(test, PV_STATE_BAD, JUDGE(PV_SITE_BRANCH, cpu.iret,
						  0xeb, 0x00, 0x90));

	/* the test before SYSEXIT */
	KUNIT_EXPECT_EQ(test, pv_features() & (PV_CPU | PV_IRQ) ?
			      PV_STATE_BAD : PV_STATE_NATIVE,
			JUDGE(PV_SITE_SYSEXIT, cpu.iret, 0x84, 0xc0));
	KUNIT_EXPECT_EQ(test, pv_features() & (PV_CPU | PV_IRQ) ?
			      PV_STATE_DIRECT : PV_STATE_BAD,
			JUDGE(PV_SITE_SYSEXIT, cpu.iret, 0x31, 0xc0));

	/* the frame number of an entry, of a table, and a call of no stub */
#ifdef CONFIG_X86_PAE
	KUNIT_EXPECT_EQ(test, mmu, JUDGE(PV_SITE_STUB, mmu.pte_val,
					 0x3e, 0x0f, 0xac, 0xd0, 0x0c));
	KUNIT_EXPECT_EQ(test, PV_STATE_BAD, JUDGE(PV_SITE_STUB, mmu.pte_val,
						  0x3e, 0x0f, 0xac, 0xd0, 0x0d));
	KUNIT_EXPECT_EQ(test, mmu, JUDGE(PV_SITE_STUB, mmu.pmd_val,
					 0x81, 0xe3, 0x00, 0xf0, 0xff, 0xff));
	KUNIT_EXPECT_EQ(test, PV_STATE_BAD, JUDGE(PV_SITE_STUB, mmu.pmd_val,
						  0x81, 0xcb, 0x00, 0xf0, 0xff,
						  0xff));
#endif
	KUNIT_EXPECT_EQ(test, PV_STATE_BAD, JUDGE(PV_SITE_STUB, mmu.pte_val,
						  0xe8, 0, 0, 0, 0));

	/* not patched */
	KUNIT_EXPECT_EQ(test, PV_STATE_INDIRECT,
			JUDGE(PV_SITE_CALL, cpu.write_cr4, 0xff, 0x15, 0, 0, 0, 0));

	/* no such slot */
	KUNIT_EXPECT_EQ(test, PV_STATE_BAD,
			pv_judge(PV_SITE_CALL, sizeof(pv_ops) / sizeof(void *),
				 (const u8[]){ 0x90 }, 1));
}

/* The stubs */

enum { PV_EAX, PV_EBX, PV_ECX, PV_EDX, PV_ESI, PV_EDI, PV_EBP, PV_NR_REGS };

static const char * const pv_reg_names[] = {
	"eax", "ebx", "ecx", "edx", "esi", "edi", "ebp"
};

static struct {
	u32 reg[PV_NR_REGS];
	void *target;
} pv_regs;

/* Call @stub with pv_regs in the registers, and leave there what they are then. */
static noinline void pv_call_stub(void *stub)
{
	pv_regs.target = stub;
	asm volatile("pushal\n\t"
		     "movl %0, %%eax\n\t"
		     "movl %1, %%ebx\n\t"
		     "movl %2, %%ecx\n\t"
		     "movl %3, %%edx\n\t"
		     "movl %4, %%esi\n\t"
		     "movl %5, %%edi\n\t"
		     "movl %6, %%ebp\n\t"
		     ANNOTATE_RETPOLINE_SAFE
		     "call *%7\n\t"
		     "movl %%eax, %0\n\t"
		     "movl %%ebx, %1\n\t"
		     "movl %%ecx, %2\n\t"
		     "movl %%edx, %3\n\t"
		     "movl %%esi, %4\n\t"
		     "movl %%edi, %5\n\t"
		     "movl %%ebp, %6\n\t"
		     "popal"
		     : "+m" (pv_regs.reg[0]), "+m" (pv_regs.reg[1]),
		       "+m" (pv_regs.reg[2]), "+m" (pv_regs.reg[3]),
		       "+m" (pv_regs.reg[4]), "+m" (pv_regs.reg[5]),
		       "+m" (pv_regs.reg[6])
		     : "m" (pv_regs.target) : "cc", "memory");
}

/* What a stub is for is in its name. */
static void pv_try_stub(struct kunit *test, const char *fmt, int lo, int hi)
{
	static const u32 marks[] = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77 };
	const u32 low = 0x89abcdef, high = lo == hi ? low : 0xfff54321;
	char name[32];
	void *stub;
	u32 want;
	int i;

	snprintf(name, sizeof(name), fmt, pv_reg_names[lo], pv_reg_names[hi]);
	stub = (void *)kallsyms_lookup_name(name);
	KUNIT_ASSERT_NOT_NULL_MSG(test, stub, "%s", name);

	memcpy(pv_regs.reg, marks, sizeof(marks));
	if (IS_ENABLED(CONFIG_X86_PAE))
		pv_regs.reg[hi] = high;
	pv_regs.reg[lo] = low;
	if (strstr(name, "_pfn_"))
		want = IS_ENABLED(CONFIG_X86_PAE) ?
		       (((u64)high << 32) | low) >> PAGE_SHIFT :
		       low >> PAGE_SHIFT;
	else
		want = low & PAGE_MASK;

	preempt_disable();
	pv_call_stub(stub);
	preempt_enable();

	KUNIT_EXPECT_EQ_MSG(test, want, pv_regs.reg[lo], "%s", name);
	for (i = 0; i < PV_NR_REGS; i++) {
		if (i == lo)
			continue;
		want = IS_ENABLED(CONFIG_X86_PAE) && i == hi ? high : marks[i];
		KUNIT_EXPECT_EQ_MSG(test, want, pv_regs.reg[i], "%s: %s", name,
				    pv_reg_names[i]);
	}
}

static void pv_stubs_test(struct kunit *test)
{
	int lo, hi;

	if (boot_cpu_has(X86_FEATURE_PV_MMU))
		kunit_skip(test, "the backend translates frames");

	for (lo = 0; lo < PV_NR_REGS; lo++) {
#ifdef CONFIG_X86_PAE
		for (hi = 0; hi < PV_NR_REGS; hi++) {
			pv_try_stub(test, "pv_pte_pfn_%s_%s", lo, hi);
			pv_try_stub(test, "pv_pmd_pfn_%s_%s", lo, hi);
			pv_try_stub(test, "pv_pmd_table_%s_%s", lo, hi);
			pv_try_stub(test, "pv_pud_table_%s_%s", lo, hi);
		}
#else
		hi = lo;
		pv_try_stub(test, "pv_pte_pfn_%s", lo, hi);
		pv_try_stub(test, "pv_pmd_pfn_%s", lo, hi);
		pv_try_stub(test, "pv_pmd_table_%s", lo, hi);
#endif
	}
}

/* The flags, in each register; the rest stays. */
static void pv_save_fl_test(struct kunit *test)
{
	char name[32];
	void *stub;
	int reg, i;

	for (reg = 0; reg < PV_NR_REGS; reg++) {
		snprintf(name, sizeof(name), "pv_save_fl_%s",
			 pv_reg_names[reg]);
		stub = (void *)kallsyms_lookup_name(name);
		KUNIT_ASSERT_NOT_NULL_MSG(test, stub, "%s", name);

		local_irq_disable();
		for (i = 0; i < PV_NR_REGS; i++)
			pv_regs.reg[i] = X86_EFLAGS_IF + i;
		pv_call_stub(stub);
		local_irq_enable();
		KUNIT_EXPECT_EQ_MSG(test, 0,
				    pv_regs.reg[reg] & X86_EFLAGS_IF, "%s", name);
		for (i = 0; i < PV_NR_REGS; i++)
			if (i != reg)
				KUNIT_EXPECT_EQ_MSG(test, X86_EFLAGS_IF + i,
						    pv_regs.reg[i], "%s: %s",
						    name, pv_reg_names[i]);

		preempt_disable();
		pv_call_stub(stub);
		preempt_enable();
		KUNIT_EXPECT_EQ_MSG(test, X86_EFLAGS_IF,
				    pv_regs.reg[reg] & X86_EFLAGS_IF, "%s", name);
	}
}

/*
 * Call sites name the registers that an operation changes: of those with a
 * convention of their own no more than the result.
 */
static void pv_preserve_test(struct kunit *test)
{
	static const struct {
		const char *name;
		void **func;
		u32 changed;
	} ops[] = {
#define PV_PRESERVES(op, changed)	{ #op, (void **)&pv_ops.op.func, changed }
		PV_PRESERVES(irq.save_fl, BIT(PV_EAX)),
		PV_PRESERVES(irq.irq_disable, 0),
		PV_PRESERVES(irq.irq_enable, 0),
		PV_PRESERVES(mmu.read_cr2, BIT(PV_EAX)),
		PV_PRESERVES(mmu.pte_val, BIT(PV_EAX) | BIT(PV_EDX)),
		PV_PRESERVES(mmu.make_pte, BIT(PV_EAX) | BIT(PV_EDX)),
		PV_PRESERVES(mmu.pgd_val, BIT(PV_EAX) | BIT(PV_EDX)),
		PV_PRESERVES(mmu.make_pgd, BIT(PV_EAX) | BIT(PV_EDX)),
#if CONFIG_PGTABLE_LEVELS >= 3
		PV_PRESERVES(mmu.pmd_val, BIT(PV_EAX) | BIT(PV_EDX)),
		PV_PRESERVES(mmu.make_pmd, BIT(PV_EAX) | BIT(PV_EDX)),
#endif
#undef PV_PRESERVES
	};
	unsigned long flags;
	unsigned int i, reg;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		/* Entries that are not present: no backend translates them. */
		for (reg = 0; reg < PV_NR_REGS; reg++)
			pv_regs.reg[reg] = reg << 12;
		flags = arch_local_irq_save();
		pv_call_stub(*ops[i].func);
		arch_local_irq_restore(flags);
		for (reg = 0; reg < PV_NR_REGS; reg++)
			if (!(ops[i].changed & BIT(reg)))
				KUNIT_EXPECT_EQ_MSG(test, reg << 12,
						    pv_regs.reg[reg], "%s: %s",
						    ops[i].name,
						    pv_reg_names[reg]);
	}
}

#if defined(CONFIG_SMP) && defined(CONFIG_PARAVIRT_SPINLOCKS)
/* The lock in each register; all of them stay. */
static void pv_unlock_test(struct kunit *test)
{
	struct qspinlock lock;
	char name[32];
	void *stub;
	int reg, i;

	for (reg = 0; reg < PV_NR_REGS; reg++) {
		snprintf(name, sizeof(name), "pv_queued_spin_unlock_%s",
			 pv_reg_names[reg]);
		stub = (void *)kallsyms_lookup_name(name);
		KUNIT_ASSERT_NOT_NULL_MSG(test, stub, "%s", name);

		atomic_set(&lock.val, _Q_LOCKED_VAL);
		for (i = 0; i < PV_NR_REGS; i++)
			pv_regs.reg[i] = i;
		pv_regs.reg[reg] = (u32)&lock;
		preempt_disable();
		pv_call_stub(stub);
		preempt_enable();

		KUNIT_EXPECT_EQ_MSG(test, 0, atomic_read(&lock.val), "%s", name);
		for (i = 0; i < PV_NR_REGS; i++)
			KUNIT_EXPECT_EQ_MSG(test,
					    i == reg ? (u32)&lock : (u32)i,
					    pv_regs.reg[i], "%s: %s", name,
					    pv_reg_names[i]);
	}
}
#endif

/* Page table entries */

#define PV_PATTERNS	(3 + 8 * sizeof(pteval_t))

/* All bits, none, alternating, and each bit alone */
static pteval_t pv_pattern(unsigned int i)
{
	switch (i) {
	case 0: return ~(pteval_t)0;
	case 1: return 0;
	case 2: return (pteval_t)0xa5a5a5a55a5a5a5aULL;
	default: return (pteval_t)1 << (i - 3);
	}
}

static void pv_pte_value_test(struct kunit *test)
{
	unsigned int i;

	if (boot_cpu_has(X86_FEATURE_PV_MMU))
		kunit_skip(test, "the backend translates frames");

	for (i = 0; i < PV_PATTERNS; i++) {
		pteval_t v = pv_pattern(i);

		KUNIT_EXPECT_EQ(test, v, pte_val(__pte(v)));
		KUNIT_EXPECT_EQ(test, v, pv_pte_val(pv_make_pte(v)));
		/* Bits that PAE reserves at the top level are dropped. */
		KUNIT_EXPECT_EQ(test, native_pgd_val(native_make_pgd(v)),
				pgd_val(__pgd(v)));
		KUNIT_EXPECT_EQ(test, native_pgd_val(native_make_pgd(v)),
				pv_pgd_val(pv_make_pgd(v)));
#if CONFIG_PGTABLE_LEVELS >= 3
		KUNIT_EXPECT_EQ(test, v, pmd_val(__pmd(v)));
		KUNIT_EXPECT_EQ(test, v, pv_pmd_val(pv_make_pmd(v)));
#endif
	}
}

/* The frame of a large page, which has flags where others have frame bits */
static void pv_pmd_pfn_test(struct kunit *test)
{
	const pmdval_t flags = _PAGE_PSE | _PAGE_PRESENT | _PAGE_NX;
	unsigned int i;

	if (boot_cpu_has(X86_FEATURE_PV_MMU))
		kunit_skip(test, "the backend translates frames");

	for (i = PMD_SHIFT; i < 8 * sizeof(phys_addr_t) && i < 36; i++) {
		pmdval_t v = (pmdval_t)1 << i;
		pmd_t pmd = native_make_pmd(v | _PAGE_PAT_LARGE | flags);

		KUNIT_EXPECT_EQ(test, v >> PAGE_SHIFT, pmd_pfn(pmd));
		pmd = native_make_pmd(v | _PAGE_PRESENT);
		KUNIT_EXPECT_EQ(test, v >> PAGE_SHIFT, pmd_pfn(pmd));
	}
}

/* What pte_modify() and its kin make of present and inverted entries */
static void pv_pte_modify_test(struct kunit *test)
{
	const unsigned long pfns[] = { 1, 0x80000, 0xffffe,
#ifdef CONFIG_X86_PAE
				       0x100001, 0xffffff
#endif
	};
	const pgprot_t none = __pgprot(_PAGE_PROTNONE | _PAGE_ACCESSED);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pfns); i++) {
		pte_t pte = pfn_pte(pfns[i], PAGE_KERNEL), hidden;

		if (boot_cpu_has(X86_FEATURE_PV_MMU) && !pfn_valid(pfns[i]))
			continue;
		KUNIT_EXPECT_EQ(test, pfns[i], pte_pfn(pte));

		hidden = pte_modify(pte, none);
		KUNIT_EXPECT_FALSE(test, pte_flags(hidden) & _PAGE_PRESENT);
		KUNIT_EXPECT_EQ(test, pfns[i], pte_pfn(hidden));
		if (IS_ENABLED(CONFIG_X86_PAE))
			KUNIT_EXPECT_EQ(test, ~((u64)pfns[i] << PAGE_SHIFT) &
					PTE_PFN_MASK,
					native_pte_val(hidden) & PTE_PFN_MASK);
		KUNIT_EXPECT_EQ(test, pfns[i] + 1,
				pte_pfn(pte_advance_pfn(hidden, 1)));

		pte = pte_modify(hidden, PAGE_KERNEL_RO);
		KUNIT_EXPECT_TRUE(test, pte_flags(pte) & _PAGE_PRESENT);
		KUNIT_EXPECT_FALSE(test, pte_write(pte));
		KUNIT_EXPECT_EQ(test, pfns[i], pte_pfn(pte));
		pte = pte_modify(pte, PAGE_KERNEL);
		KUNIT_EXPECT_TRUE(test, pte_write(pte));
		KUNIT_EXPECT_EQ(test, pfns[i], pte_pfn(pte));
	}
}

/* The table that entries are written to; a user of it puts back zeroes. */
static pte_t *pv_test_table(struct kunit *test)
{
	/* Looks like a top level table to page table isolation, too. */
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO, 1);

	KUNIT_ASSERT_NOT_NULL(test, page);
	return page_address(page) + PAGE_SIZE - sizeof(pte_t);
}

static void pv_free_test_table(pte_t *p)
{
	free_pages((unsigned long)p & PAGE_MASK, 1);
}

static void pv_pte_write_test(struct kunit *test)
{
	unsigned int i;
	pte_t *p;

	if (boot_cpu_has(X86_FEATURE_PV_MMU))
		kunit_skip(test, "entries belong to the backend");

	p = pv_test_table(test);
	for (i = 0; i < PV_PATTERNS; i++) {
		pteval_t v = pv_pattern(i);
		pte_t pte = native_make_pte(v);

		set_pte(p, pte);
		KUNIT_EXPECT_EQ(test, v, native_pte_val(*p));
		pte_clear(&init_mm, 0, p);
		KUNIT_EXPECT_EQ(test, 0, native_pte_val(*p));

		pv_set_pte(p, pte);
		KUNIT_EXPECT_EQ(test, v, native_pte_val(*p));
		pv_pte_clear(&init_mm, 0, p);
		KUNIT_EXPECT_EQ(test, 0, native_pte_val(*p));

		set_pte_atomic(p, pte);
		KUNIT_EXPECT_EQ(test, v, native_pte_val(*p));
		pte_clear(&init_mm, 0, p);

		set_pte_at(&init_mm, 0, p, pte);
		KUNIT_EXPECT_EQ(test, v, native_pte_val(*p));

#if CONFIG_PGTABLE_LEVELS >= 3
		pmd_clear((pmd_t *)p);
		KUNIT_EXPECT_EQ(test, 0, native_pte_val(*p));
		set_pmd((pmd_t *)p, native_make_pmd(v));
		KUNIT_EXPECT_EQ(test, v, native_pte_val(*p));
		pv_pmd_clear((pmd_t *)p);
		KUNIT_EXPECT_EQ(test, 0, native_pte_val(*p));
		pv_set_pmd((pmd_t *)p, native_make_pmd(v));
		KUNIT_EXPECT_EQ(test, v, native_pte_val(*p));
		pmd_clear((pmd_t *)p);
		pv_set_pud((pud_t *)p, (pud_t){ .p4d.pgd.pgd = v });
		KUNIT_EXPECT_EQ(test, native_pgd_val(native_make_pgd(v)),
				native_pte_val(*p));
		pud_clear((pud_t *)p);
		KUNIT_EXPECT_EQ(test, 0, native_pte_val(*p) & _PAGE_PRESENT);
		set_pud((pud_t *)p, (pud_t){ .p4d.pgd.pgd = v });
		KUNIT_EXPECT_EQ(test, native_pgd_val(native_make_pgd(v)),
				native_pte_val(*p));
#endif
		pte_clear(&init_mm, 0, p);
	}
	pv_free_test_table(p);
}

/* The operations that give back what was there, and those that change a bit */
static void pv_pte_exchange_test(struct kunit *test)
{
	struct vm_area_struct *vma;
	unsigned int i;
	pte_t *p;

	if (boot_cpu_has(X86_FEATURE_PV_MMU))
		kunit_skip(test, "entries belong to the backend");

	vma = kunit_kzalloc(test, sizeof(*vma), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vma);
	vma->vm_mm = &init_mm;
	p = pv_test_table(test);

	for (i = 0; i < PV_PATTERNS; i++) {
		const pteval_t v = pv_pattern(i);
		const pte_t pte = native_make_pte(v);
		const pteval_t wp = native_pte_val(pte_wrprotect(pte));
		pte_t old;

#define PV_GIVES_BACK(expr)						\
		do {							\
			set_pte(p, pte);				\
			old = expr;					\
			KUNIT_EXPECT_EQ(test, v, native_pte_val(old));	\
			KUNIT_EXPECT_EQ(test, 0, native_pte_val(*p));	\
		} while (0)

		PV_GIVES_BACK(ptep_get_and_clear(&init_mm, 0, p));
		PV_GIVES_BACK(pv_ptep_get_and_clear(&init_mm, 0, p));
		PV_GIVES_BACK(ptep_get_and_clear_full(&init_mm, 0, p, 0));
		PV_GIVES_BACK(ptep_get_and_clear_full(&init_mm, 0, p, 1));

		PV_GIVES_BACK(ptep_modify_prot_start(vma, 0, p));
		ptep_modify_prot_commit(vma, 0, p, old, pte);
		KUNIT_EXPECT_EQ(test, v, native_pte_val(*p));
		PV_GIVES_BACK(pv_modify_prot_start(vma, 0, p));
		pv_modify_prot_commit(vma, 0, p, pte);
		KUNIT_EXPECT_EQ(test, v, native_pte_val(*p));
#undef PV_GIVES_BACK

		ptep_set_wrprotect(&init_mm, 0, p);
		KUNIT_EXPECT_EQ(test, wp, native_pte_val(*p));
		set_pte(p, pte);
		pv_ptep_set_wrprotect(&init_mm, 0, p);
		KUNIT_EXPECT_EQ(test, wp, native_pte_val(*p));

		set_pte(p, pte);
		KUNIT_EXPECT_EQ(test, !!(v & _PAGE_ACCESSED),
				ptep_test_and_clear_young(vma, 0, p));
		KUNIT_EXPECT_EQ(test, v & ~(pteval_t)_PAGE_ACCESSED,
				native_pte_val(*p));
		set_pte(p, pte);
		KUNIT_EXPECT_EQ(test, !!(v & _PAGE_ACCESSED),
				pv_ptep_test_and_clear_young(vma, 0, p));
		KUNIT_EXPECT_EQ(test, v & ~(pteval_t)_PAGE_ACCESSED,
				native_pte_val(*p));
		pte_clear(&init_mm, 0, p);
	}
	pv_free_test_table(p);
}

/*
 * A slot that early_ioremap() is done with.  The frame is never touched; a
 * backend accepts one of memory, in the usual way.
 */
static void pv_fixmap_test(struct kunit *test)
{
	bool backend = boot_cpu_has(X86_FEATURE_PV_MMU);
	phys_addr_t phys = backend ? virt_to_phys(empty_zero_page) :
				     (phys_addr_t)0x5fedcb000ULL;
	pgprot_t prot = backend ? PAGE_KERNEL : PAGE_KERNEL_NOCACHE;
	const unsigned int idx = FIX_BTMAP_BEGIN;
	unsigned int level;
	pte_t *p;

	__set_fixmap(idx, phys, prot);
	p = lookup_address(fix_to_virt(idx), &level);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, level, PG_LEVEL_4K);
	KUNIT_EXPECT_EQ(test, phys >> PAGE_SHIFT, pte_pfn(*p));
	KUNIT_EXPECT_EQ(test, pgprot_val(prot) & __default_kernel_pte_mask &
			      __supported_pte_mask & ~_PAGE_GLOBAL,
			pte_flags(*p) & ~(_PAGE_GLOBAL | _PAGE_USER));
	__set_fixmap(idx, 0, __pgprot(0));
	KUNIT_EXPECT_FALSE(test, pte_present(*p));
}

/*
 * A write to the page between the two halves of a change of its entry either
 * faults, or makes the new entry dirty.
 */
static void pv_write_between(struct kunit *test, void *page, pgprot_t prot)
{
	unsigned long addr = (unsigned long)page, end = addr + PAGE_SIZE;
	struct vm_area_struct vma = { .vm_mm = &init_mm };
	pte_t *ptep = virt_to_kpte(addr);
	pte_t before = ptep_get(ptep), old;
	const u8 mark = 0x5a;
	bool written;

	set_pte_at(&init_mm, addr, ptep, pte_mkclean(before));
	flush_tlb_kernel_range(addr, end);

	old = ptep_modify_prot_start(&vma, addr, ptep);
	written = !copy_to_kernel_nofault(page, &mark, 1);
	ptep_modify_prot_commit(&vma, addr, ptep, old, pte_modify(old, prot));
	flush_tlb_kernel_range(addr, end);

	KUNIT_EXPECT_FALSE(test, pte_dirty(old));
	KUNIT_EXPECT_FALSE(test, pte_write(ptep_get(ptep)));
	KUNIT_EXPECT_EQ_MSG(test, written, !!pte_dirty(ptep_get(ptep)),
			    "written, dirty; protection %llx",
			    (u64)pgprot_val(prot));

	set_pte_at(&init_mm, addr, ptep, before);
	flush_tlb_kernel_range(addr, end);
	KUNIT_EXPECT_EQ(test, written, *(u8 *)page == mark);
}

static void pv_modify_prot_test(struct kunit *test)
{
	u8 *page = vmalloc(PAGE_SIZE);

	KUNIT_ASSERT_NOT_NULL(test, page);
	memset(page, 0, PAGE_SIZE);
	pv_write_between(test, page, PAGE_NONE);
	*page = 0;
	pv_write_between(test, page, PAGE_KERNEL_RO);
	vfree(page);
}

#ifdef CONFIG_VMI
/* Each page with code of the ROM is there to be executed, not to be written. */
static void pv_vmi_rom_test(struct kunit *test)
{
	unsigned long addr = vmi_rom_start & PAGE_MASK;
	unsigned int level;

	if (!vmi_rom_start)
		kunit_skip(test, "no VMI option ROM is in use");

	for (; addr < vmi_rom_end; addr += PAGE_SIZE) {
		pte_t *pte = lookup_address(addr, &level);

		KUNIT_ASSERT_NOT_NULL(test, pte);
		KUNIT_EXPECT_EQ_MSG(test, PG_LEVEL_4K, level, "%lx", addr);
		KUNIT_EXPECT_FALSE_MSG(test, pte_write(*pte), "%lx", addr);
		KUNIT_EXPECT_TRUE_MSG(test, pte_exec(*pte), "%lx", addr);
	}
}
#endif

static void pv_msr_width_test(struct kunit *test)
{
	u64 a, b;
	int err;

	/* Both halves of a 64-bit result, through two operations */
	rdmsrl(MSR_IA32_APICBASE, a);
	err = rdmsrl_safe(MSR_IA32_APICBASE, &b);
	KUNIT_EXPECT_EQ(test, 0, err);
	KUNIT_EXPECT_EQ(test, a, b);
	if (!boot_cpu_has(X86_FEATURE_PV_CPU))
		KUNIT_EXPECT_EQ(test, a, native_read_msr(MSR_IA32_APICBASE));
}

#if defined(CONFIG_X86_PAE) && defined(CONFIG_SMP)
/**
 * struct pv_race - one CPU writes an entry while another one looks at it
 * @pte:	the entry
 * @serial:	of the value that was written last
 * @torn:	how often halves of two values were seen
 * @seen:	how often a present value was seen
 */
struct pv_race {
	pte_t pte;
	u32 serial;
	u32 torn;
	u32 seen;
};

/* The upper half that goes with a lower one */
static u32 pv_upper(u32 low)
{
	return (low >> 12) * 0x9e3779b1u | 1;
}

static pte_t pv_next_value(struct pv_race *r)
{
	pte_t pte = { .pte_low = ++r->serial << 12 | _PAGE_PRESENT };

	pte.pte_high = pv_upper(pte.pte_low);
	return pte;
}

/*
 * As a CPU that walks the table: a lower half that is present and does not
 * change has to stand under its own upper half.
 */
static int pv_reader(void *arg)
{
	struct pv_race *r = arg;
	u32 rounds = 0;

	while (!kthread_should_stop()) {
		u32 low, high;

		if (!(++rounds & 0xfff))
			cond_resched();
		low = READ_ONCE(r->pte.pte_low);
		/* Pairs with the order of stores in set_pte(). */
		smp_rmb();
		high = READ_ONCE(r->pte.pte_high);
		/* Pairs with the order of stores in pte_clear(). */
		smp_rmb();
		if (!(low & _PAGE_PRESENT) || low != READ_ONCE(r->pte.pte_low))
			continue;
		r->seen++;
		if (high != pv_upper(low))
			r->torn++;
	}
	return 0;
}

static void pv_race_pte(struct pv_race *r)
{
	set_pte(&r->pte, pv_next_value(r));
	pte_clear(&init_mm, 0, &r->pte);
}

static void pv_race_pv_pte(struct pv_race *r)
{
	pv_set_pte(&r->pte, pv_next_value(r));
	pv_pte_clear(&init_mm, 0, &r->pte);
}

static void pv_race_pmd(struct pv_race *r)
{
	set_pmd((pmd_t *)&r->pte, native_make_pmd(pv_next_value(r).pte));
	pmd_clear((pmd_t *)&r->pte);
}

static void pv_race_pv_pmd(struct pv_race *r)
{
	pv_set_pmd((pmd_t *)&r->pte, native_make_pmd(pv_next_value(r).pte));
	pv_pmd_clear((pmd_t *)&r->pte);
}

/* Over an entry that is present */
static void pv_race_atomic(struct pv_race *r)
{
	set_pte_atomic(&r->pte, pv_next_value(r));
	set_pte_atomic(&r->pte, pv_next_value(r));
	ptep_get_and_clear(&init_mm, 0, &r->pte);
}

static void pv_race_modify(struct pv_race *r)
{
	struct vm_area_struct vma = { .vm_mm = &init_mm };
	pte_t old;

	set_pte(&r->pte, pv_next_value(r));
	old = ptep_modify_prot_start(&vma, 0, &r->pte);
	ptep_modify_prot_commit(&vma, 0, &r->pte, old, pv_next_value(r));
	pte_clear(&init_mm, 0, &r->pte);
}

/* What must not be: shows that the reader would see it. */
static void pv_race_wrong(struct pv_race *r)
{
	pte_t pte = pv_next_value(r);

	WRITE_ONCE(r->pte.pte_low, pte.pte_low);
	ndelay(500);
	WRITE_ONCE(r->pte.pte_high, pte.pte_high);
	ndelay(500);
	WRITE_ONCE(r->pte.pte_low, 0);
}

static const struct {
	const char *name;
	void (*round)(struct pv_race *r);
	bool tears;
} pv_races[] = {
	{ "set_pte",			pv_race_pte },
	{ "pv_set_pte",			pv_race_pv_pte },
	{ "set_pmd",			pv_race_pmd },
	{ "pv_set_pmd",			pv_race_pv_pmd },
	{ "set_pte_atomic",		pv_race_atomic },
	{ "ptep_modify_prot_commit",	pv_race_modify },
	{ "lower half first",		pv_race_wrong, true },
};

/* Was enough seen?  What tears has to be seen doing so. */
static bool pv_seen_enough(const struct pv_race *r, bool tears)
{
	return READ_ONCE(r->seen) > 100 && (!tears || READ_ONCE(r->torn));
}

/* For a quarter of a second, longer if the other CPU is busy elsewhere. */
static void pv_write_rounds(struct pv_race *r, void (*round)(struct pv_race *r),
			    bool tears)
{
	unsigned long end = jiffies + HZ / 4, latest = jiffies + 10 * HZ;

	while (time_before(jiffies, end) ||
	       (!pv_seen_enough(r, tears) && time_before(jiffies, latest))) {
		round(r);
		if (!(r->serial & 0xfff))
			cond_resched();
	}
}

static void pv_pae_order_test(struct kunit *test)
{
	struct pv_race *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct task_struct *reader;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, r);
	if (boot_cpu_has(X86_FEATURE_PV_MMU))
		kunit_skip(test, "entries belong to the backend");
	if (num_online_cpus() < 2)
		kunit_skip(test, "needs a second CPU");

	for (i = 0; i < ARRAY_SIZE(pv_races); i++) {
		memset(r, 0, sizeof(*r));
		reader = kthread_create(pv_reader, r, "pv_reader");
		KUNIT_ASSERT_FALSE(test, IS_ERR(reader));
		migrate_disable();
		kthread_bind(reader, cpumask_any_but(cpu_online_mask,
						     smp_processor_id()));
		wake_up_process(reader);
		pv_write_rounds(r, pv_races[i].round, pv_races[i].tears);
		kthread_stop(reader);
		migrate_enable();

		KUNIT_EXPECT_GT_MSG(test, r->seen, 100, "%s",
				    pv_races[i].name);
		if (pv_races[i].tears)
			KUNIT_EXPECT_GT(test, r->torn, 0);
		else
			KUNIT_EXPECT_EQ_MSG(test, r->torn, 0, "%s",
					    pv_races[i].name);
	}
}
#endif

/* Interrupt flag */

static void pv_irq_flag_test(struct kunit *test)
{
	unsigned long flags;

	KUNIT_EXPECT_FALSE(test, irqs_disabled());
	flags = arch_local_irq_save();
	KUNIT_EXPECT_TRUE(test, arch_irqs_disabled());
	KUNIT_EXPECT_FALSE(test, arch_irqs_disabled_flags(flags));
	arch_local_irq_restore(flags);
	KUNIT_EXPECT_FALSE(test, arch_irqs_disabled());
	arch_local_irq_disable();
	KUNIT_EXPECT_TRUE(test, arch_irqs_disabled());
	arch_local_irq_enable();
	KUNIT_EXPECT_FALSE(test, arch_irqs_disabled());
}

static int pv_irq_count;

static void pv_count_irq(struct irq_work *work)
{
	pv_irq_count++;
}

/* What is left for an interrupt to do is done, by whatever interrupt. */
static void pv_irq_work_test(struct kunit *test)
{
	static struct irq_work work = IRQ_WORK_INIT_HARD(pv_count_irq);
	int cpu, ms;

	for_each_online_cpu(cpu) {
		pv_irq_count = 0;
		irq_work_queue_on(&work, cpu);
		for (ms = 0; ms < 3000 && irq_work_is_busy(&work); ms += 20)
			msleep(20);
		KUNIT_EXPECT_EQ_MSG(test, 1, pv_irq_count, "CPU %d", cpu);
	}
}

/* What comes while interrupts are disabled is there once they are enabled. */
static void pv_irq_pending_test(struct kunit *test)
{
	struct irq_work work = IRQ_WORK_INIT_HARD(pv_count_irq);
	int i, masked, unmasked;
	unsigned long flags;

	if (!arch_irq_work_has_interrupt())
		kunit_skip(test, "no interrupt to send to oneself");

	for (i = 0; i < 20; i++) {
		pv_irq_count = 0;
		/* The operations, without the flag that lockdep keeps */
		flags = arch_local_irq_save();
		irq_work_queue(&work);
		mdelay(1);
		masked = READ_ONCE(pv_irq_count);
		if (i & 1)
			arch_local_irq_enable();
		else
			arch_local_irq_restore(flags);
		/* STI holds interrupts back for one more instruction. */
		cpu_relax();
		unmasked = READ_ONCE(pv_irq_count);
		irq_work_sync(&work);
		KUNIT_EXPECT_EQ(test, 0, masked);
		KUNIT_EXPECT_EQ(test, 1, unmasked);
	}
}

/* Exceptions of the kernel's own code */

#ifdef CONFIG_KPROBES
static unsigned int pv_probe_before, pv_probe_after, pv_probe_user;

static noinline int pv_probed(int value)
{
	int res = value * 5 + 2;

	OPTIMIZER_HIDE_VAR(res);
	return res;
}

static int pv_before(struct kprobe *p, struct pt_regs *regs)
{
	pv_probe_before++;
	if (user_mode(regs))
		pv_probe_user++;
	return 0;
}

static void pv_after(struct kprobe *p, struct pt_regs *regs,
		     unsigned long flags)
{
	pv_probe_after++;
}

/*
 * A breakpoint in the kernel, and what follows it, is taken for one of the
 * kernel in whatever ring that runs, and the code goes on unharmed.
 */
static void pv_breakpoint_test(struct kunit *test)
{
	struct kprobe probe = {
		.addr		= (kprobe_opcode_t *)pv_probed,
		.pre_handler	= pv_before,
		.post_handler	= pv_after,
	};
	int i;

	pv_probe_before = 0;
	pv_probe_after = 0;
	pv_probe_user = 0;
	KUNIT_ASSERT_EQ(test, 0, register_kprobe(&probe));
	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_EQ(test, i * 5 + 2, pv_probed(i));
	unregister_kprobe(&probe);
	KUNIT_EXPECT_EQ(test, 10, pv_probe_before);
	KUNIT_EXPECT_EQ(test, 10, pv_probe_after);
	KUNIT_EXPECT_EQ(test, 0, pv_probe_user);
	KUNIT_EXPECT_EQ(test, 502, pv_probed(100));
	KUNIT_EXPECT_EQ(test, 10, pv_probe_before);
}
#endif

static struct kunit_case __refdata pv_door_cases[] = {
	KUNIT_CASE(pv_door_allowed_test),
	KUNIT_CASE(pv_door_inlined_test),
	KUNIT_CASE(pv_door_refused_test),
	KUNIT_CASE(pv_door_required_test),
	KUNIT_CASE(pv_door_late_test),
	{}
};

static struct kunit_suite pv_door_suite = {
	.name		= "paravirt-door",
	.init		= pv_door_init,
	.exit		= pv_door_exit,
	.test_cases	= pv_door_cases,
};

static struct kunit_case __refdata pv_init_cases[] = {
	KUNIT_CASE(pv_parse_test),
	KUNIT_CASE(pv_slots_test),
	KUNIT_CASE(pv_audit_test),
	KUNIT_CASE(pv_audit_complete_test),
	KUNIT_CASE(pv_audit_judges_test),
	KUNIT_CASE(pv_stubs_test),
	KUNIT_CASE(pv_save_fl_test),
	KUNIT_CASE(pv_preserve_test),
#if defined(CONFIG_SMP) && defined(CONFIG_PARAVIRT_SPINLOCKS)
	KUNIT_CASE(pv_unlock_test),
#endif
	{}
};

static struct kunit_suite pv_init_suite = {
	.name		= "paravirt",
	.test_cases	= pv_init_cases,
};

static struct kunit_case pv_pgtable_cases[] = {
	KUNIT_CASE(pv_pte_value_test),
	KUNIT_CASE(pv_pmd_pfn_test),
	KUNIT_CASE(pv_pte_modify_test),
	KUNIT_CASE(pv_pte_write_test),
	KUNIT_CASE(pv_pte_exchange_test),
	KUNIT_CASE(pv_fixmap_test),
	KUNIT_CASE(pv_modify_prot_test),
#ifdef CONFIG_VMI
	KUNIT_CASE(pv_vmi_rom_test),
#endif
	KUNIT_CASE(pv_msr_width_test),
	KUNIT_CASE(pv_irq_flag_test),
#ifdef CONFIG_KPROBES
	KUNIT_CASE(pv_breakpoint_test),
#endif
	KUNIT_CASE_SLOW(pv_irq_work_test),
	KUNIT_CASE(pv_irq_pending_test),
#if defined(CONFIG_X86_PAE) && defined(CONFIG_SMP)
	KUNIT_CASE_SLOW(pv_pae_order_test),
#endif
	{}
};

static struct kunit_suite pv_pgtable_suite = {
	.name		= "paravirt-pgtable",
	.test_cases	= pv_pgtable_cases,
};

kunit_test_init_section_suites(&pv_door_suite, &pv_init_suite);
kunit_test_suite(pv_pgtable_suite);
MODULE_DESCRIPTION("KUnit tests of paravirt_ops");
MODULE_LICENSE("GPL");
