// SPDX-License-Identifier: GPL-2.0
/*
 * Audit of the patched paravirt call sites.
 *
 * Each site is decoded from the bytes that the CPU executes and compared with
 * what pv_ops and the feature bits of the groups demand, without a look at the
 * alternatives that should have put them there.  The kernel is audited once
 * at boot, while its init sections are there, and each module when it is
 * loaded.
 */
#define pr_fmt(fmt) "paravirt: " fmt

#include <linux/cpufeature.h>
#include <linux/debugfs.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include <asm/insn.h>
#include <asm/insn-eval.h>
#include <asm/nops.h>
#include <asm/paravirt.h>
#include <asm/paravirt_groups.h>
#include <asm/text-patching.h>

#define IRET_INSN_OPCODE	0xcf
#define DS_PREFIX		0x3e
#define CS_PREFIX		0x2e
#define GRP5_OPCODE		0xff
#define GRP5_CALL_ABS		0x15
#define GRP5_JMP_ABS		0x25

#define PV_SLOT(op) \
	(offsetof(struct paravirt_patch_template, op) / sizeof(void *))

/*
 * What a native site consists of: instructions of which these opcode bytes,
 * ModRM bits and immediate are given, prefixes aside.
 */
#define PV_INSN_MAX	2

struct pv_insn {
	u8	opcode[2];
	u8	opcode_mask;
	u8	modrm;
	u8	modrm_mask;
	u32	imm;
};

static const struct pv_native {
	u16		slot;
	struct pv_insn	insn[PV_INSN_MAX];
} pv_natives[] = {
	{ PV_SLOT(irq.save_fl), { { { 0x9c } }, { { 0x58 }, 0x07 } } },
	{ PV_SLOT(irq.irq_disable), { { { 0xfa } } } },
	{ PV_SLOT(irq.irq_enable), { { { 0xfb } } } },
	{ PV_SLOT(cpu.iret), { { { IRET_INSN_OPCODE } } } },
	{ PV_SLOT(cpu.read_cr0), { { { 0x0f, 0x20 }, 0, 0xc0, 0xff } } },
	{ PV_SLOT(cpu.wbinvd), { { { 0x0f, 0x09 } } } },
	{ PV_SLOT(mmu.read_cr2), { { { 0x0f, 0x20 }, 0, 0xd0, 0xf8 } } },
	{ PV_SLOT(mmu.write_cr2), { { { 0x0f, 0x22 }, 0, 0xd0, 0xff } } },
	{ PV_SLOT(mmu.read_cr3), { { { 0x0f, 0x20 }, 0, 0xd8, 0xff } } },
	{ PV_SLOT(mmu.write_cr3), { { { 0x0f, 0x22 }, 0, 0xd8, 0xff } } },
	/* Frame number, and address of a table in %eax or another register. */
#ifdef CONFIG_X86_PAE
	{ PV_SLOT(mmu.pte_val), { { { 0x0f, 0xac }, 0, 0xc0, 0xc0, 12 } } },
	{ PV_SLOT(mmu.pmd_val), { { { 0x0f, 0xac }, 0, 0xc0, 0xc0, 12 } } },
	{ PV_SLOT(mmu.pmd_val), { { { 0x25 }, 0, 0, 0, PAGE_MASK } } },
	{ PV_SLOT(mmu.pmd_val), { { { 0x81 }, 0, 0xe0, 0xf8, PAGE_MASK } } },
#else
	{ PV_SLOT(mmu.pte_val), { { { 0xc1 }, 0, 0xe8, 0xf8, 12 } } },
	{ PV_SLOT(mmu.pgd_val), { { { 0xc1 }, 0, 0xe8, 0xf8, 12 } } },
#endif
	{ PV_SLOT(mmu.pgd_val), { { { 0x25 }, 0, 0, 0, PAGE_MASK } } },
	{ PV_SLOT(mmu.pgd_val), { { { 0x81 }, 0, 0xe0, 0xf8, PAGE_MASK } } },
	{ PV_SLOT(lock.queued_spin_unlock), { { { 0xc6 }, 0, 0x00, 0x38 } } },
	{ PV_SLOT(lock.vcpu_is_preempted), { { { 0x31 }, 0, 0xc0, 0xff } } },
};

/* The stubs that sites of a slot call: see paravirt_stubs_32.S. */
#define PV_STUBS(name)							\
	extern const u8 name##_stubs[], name##_stubs_end[]

PV_STUBS(pv_save_fl);
PV_STUBS(pv_read_cr2);
PV_STUBS(pv_pte_pfn);
PV_STUBS(pv_pmd_pfn);
PV_STUBS(pv_pmd_table);
#ifdef CONFIG_X86_PAE
PV_STUBS(pv_pud_table);
#endif

static const struct {
	u16		slot;
	const u8	*start, *end;
} pv_stubs[] = {
#define PV_STUB_RANGE(op, name)						\
	{ PV_SLOT(op), name##_stubs, name##_stubs_end }
	PV_STUB_RANGE(irq.save_fl, pv_save_fl),
	PV_STUB_RANGE(mmu.read_cr2, pv_read_cr2),
	PV_STUB_RANGE(mmu.pte_val, pv_pte_pfn),
#ifdef CONFIG_X86_PAE
	PV_STUB_RANGE(mmu.pmd_val, pv_pmd_pfn),
	PV_STUB_RANGE(mmu.pmd_val, pv_pmd_table),
	PV_STUB_RANGE(mmu.pgd_val, pv_pud_table),
#else
	PV_STUB_RANGE(mmu.pgd_val, pv_pmd_pfn),
	PV_STUB_RANGE(mmu.pgd_val, pv_pmd_table),
#endif
};

struct pv_site_counts pv_kernel_sites __ro_after_init;
struct pv_site_counts pv_module_sites;
EXPORT_SYMBOL_GPL(pv_module_sites);

static const char * const pv_state_names[] = {
	[PV_STATE_NATIVE]	= "native",
	[PV_STATE_DIRECT]	= "direct",
	[PV_STATE_NOP]		= "nop",
	[PV_STATE_INDIRECT]	= "indirect",
	[PV_STATE_BAD]		= "bad",
};

/* Is [p, end) nothing but padding? */
static bool pv_is_padding(const u8 *p, const u8 *end)
{
	int n;

	while (p < end) {
		for (n = min_t(long, end - p, ASM_NOP_MAX); n; n--)
			if (!memcmp(p, x86_nops[n], n))
				break;
		/* Too long for a NOP: a jump over INT3s. */
		if (!n)
			return p[0] == JMP8_INSN_OPCODE &&
			       p + JMP8_INSN_SIZE + (s8)p[1] == end;
		p += n;
	}
	return true;
}

/* Decode the instruction at @p, which may have no prefix but the padding. */
static bool pv_decode(struct insn *insn, const u8 *p)
{
	int i;

	if (insn_decode_kernel(insn, p))
		return false;
	for (i = 0; i < insn->prefixes.nbytes; i++)
		if (insn->prefixes.bytes[i] != DS_PREFIX)
			return false;
	return true;
}

static const u8 *pv_skip_insn(const struct pv_insn *want, const u8 *p)
{
	struct insn insn;

	/* The decoder knows no more than four prefixes in a row. */
	while (p[0] == DS_PREFIX && p[1] == DS_PREFIX)
		p++;
	if (!pv_decode(&insn, p))
		return NULL;
	if ((insn.opcode.bytes[0] & ~want->opcode_mask) != want->opcode[0] ||
	    (insn.opcode.nbytes > 1 ? insn.opcode.bytes[1] : 0) !=
	    want->opcode[1] ||
	    (insn.modrm.value & want->modrm_mask) != want->modrm ||
	    (u32)insn.immediate.value != want->imm)
		return NULL;
	return p + insn.length;
}

/* A store of a register or constant to where @disp is added to a pointer. */
static const u8 *pv_skip_store(const u8 *p, u32 *where, s32 *disp)
{
	struct insn insn;

	while (p[0] == DS_PREFIX && p[1] == DS_PREFIX)
		p++;
	if (!pv_decode(&insn, p) || insn.opcode.nbytes != 1)
		return NULL;
	switch (insn.opcode.bytes[0]) {
	case 0x89: case 0xa3: case 0xc7:
		break;
	default:
		return NULL;
	}
	*where = (insn.modrm.value & 0x07) | insn.sib.value << 8;
	*disp = insn.displacement.value;
	if (insn.opcode.bytes[0] == 0xa3) {
		/* No base, as other stores to a constant address have it */
		*where = 0x05;
		*disp = insn.moffset1.value;
	}
	return p + insn.length;
}

/* native_set_pte(): on PAE the high half, and then the low one. */
static const u8 *pv_skip_set_pte(const u8 *p)
{
	u32 where[2];
	s32 disp[2];

	p = pv_skip_store(p, &where[0], &disp[0]);
	if (!p || !IS_ENABLED(CONFIG_X86_PAE))
		return p;
	p = pv_skip_store(p, &where[1], &disp[1]);
	if (p && where[0] == where[1] && disp[0] - disp[1] == sizeof(u32))
		return p;
	return NULL;
}

/* Do the native instructions of @slot start at @p?  Return: their end, or NULL. */
static const u8 *pv_skip_native(unsigned int slot, const u8 *p)
{
	const struct pv_native *native;
	const u8 *q;
	int n;

	if (slot == PV_SLOT(mmu.set_pte) ||
	    slot == PV_SLOT(mmu.ptep_modify_prot_commit))
		return pv_skip_set_pte(p);

	for (native = pv_natives;
	     native < pv_natives + ARRAY_SIZE(pv_natives); native++) {
		if (native->slot != slot)
			continue;
		for (n = 0, q = p; q && n < PV_INSN_MAX; n++) {
			if (!native->insn[n].opcode[0])
				break;
			q = pv_skip_insn(&native->insn[n], q);
		}
		if (q)
			return q;
	}
	return NULL;
}

static const u8 *pv_branch_target(const u8 *p)
{
	if (*p == JMP8_INSN_OPCODE)
		return p + JMP8_INSN_SIZE + (s8)p[1];
	return p + JMP32_INSN_SIZE + *(s32 *)(p + 1);
}

/* A call or jump through pv_ops, patched or not. */
static enum pv_site_state pv_audit_call(unsigned int slot, const u8 *p,
					const u8 *end)
{
	const u8 *op = ((const u8 **)&pv_ops)[slot];
	const u8 *i = p + (*p == CS_PREFIX);

	if (*i == GRP5_OPCODE && (i[1] == GRP5_CALL_ABS || i[1] == GRP5_JMP_ABS))
		return PV_STATE_INDIRECT;

	if (*p == CALL_INSN_OPCODE) {
		if (pv_branch_target(p) == op && op != (u8 *)nop_func &&
		    pv_is_padding(p + CALL_INSN_SIZE, end))
			return PV_STATE_DIRECT;
		return PV_STATE_BAD;
	}

	/* Nothing is executed behind a jump. */
	if (*p == JMP32_INSN_OPCODE || *p == JMP8_INSN_OPCODE)
		return pv_branch_target(p) == op ? PV_STATE_DIRECT :
						   PV_STATE_BAD;

	if (op == (u8 *)nop_func && pv_is_padding(p, end))
		return PV_STATE_NOP;
	return PV_STATE_BAD;
}

static enum pv_site_state pv_audit_stub(unsigned int slot, const u8 *p,
					const u8 *end)
{
	const u8 *target;
	int i;

	if (*p != CALL_INSN_OPCODE || !pv_is_padding(p + CALL_INSN_SIZE, end))
		return PV_STATE_BAD;
	target = pv_branch_target(p);
	for (i = 0; i < ARRAY_SIZE(pv_stubs); i++)
		if (pv_stubs[i].slot == slot && target >= pv_stubs[i].start &&
		    target < pv_stubs[i].end)
			return PV_STATE_DIRECT;
	return PV_STATE_BAD;
}

/* A jump, taken in place of native code, to other code of the same function */
static enum pv_site_state pv_audit_branch(const u8 *p, const u8 *end)
{
	const u8 *target;

	if (*p != JMP8_INSN_OPCODE && *p != JMP32_INSN_OPCODE)
		return PV_STATE_BAD;
	target = pv_branch_target(p);
	if (target >= p && target < end)
		return PV_STATE_BAD;
	/* The text of a module that is being loaded is not known as such yet. */
	if (core_kernel_text((unsigned long)p) ?
	    !core_kernel_text((unsigned long)target) :
	    !is_vmalloc_or_module_addr(target))
		return PV_STATE_BAD;
	return PV_STATE_DIRECT;
}

/* TEST of %al with itself, or XOR of %eax with itself */
static enum pv_site_state pv_audit_sysexit(const u8 *p, const u8 *end)
{
	bool native = !boot_cpu_has(X86_FEATURE_PV_CPU) &&
		      !boot_cpu_has(X86_FEATURE_PV_IRQ);
	const struct pv_insn want = {
		.opcode = { native ? 0x84 : 0x31 }, .modrm = 0xc0,
		.modrm_mask = 0xff,
	};

	p = pv_skip_insn(&want, p);
	if (p && p <= end && pv_is_padding(p, end))
		return native ? PV_STATE_NATIVE : PV_STATE_DIRECT;
	return PV_STATE_BAD;
}

static bool pv_site_native(const struct pv_site *site, int group)
{
	void **now = (void **)&pv_ops, **native = (void **)&pv_native_ops;

	/* Locks have a feature bit for each operation. */
	if (group == PV_GROUP_LOCK)
		return now[site->op] == native[site->op];
	return !boot_cpu_has(X86_FEATURE_PV_CPU + group);
}

/**
 * paravirt_audit_site() - find out how a call site was patched
 * @site:	its record
 *
 * Any context in which the text of the site may be read.
 *
 * Return: PV_STATE_BAD if the bytes are not what pv_ops and the groups that
 * are in effect demand, else what they are.
 */
enum pv_site_state paravirt_audit_site(const struct pv_site *site)
{
	const u8 *p = (const u8 *)&site->offset + site->offset;
	const u8 *end = p + site->len;
	int group = paravirt_slot_group(site->op);

	if (group < 0)
		return PV_STATE_BAD;
	if (site->kind == PV_SITE_SYSEXIT)
		return pv_audit_sysexit(p, end);
	if (site->kind == PV_SITE_CALL || !pv_site_native(site, group)) {
		switch (site->kind) {
		case PV_SITE_CALL:
		case PV_SITE_ALT:
			return pv_audit_call(site->op, p, end);
		case PV_SITE_STUB:
			return pv_audit_stub(site->op, p, end);
		}
		return pv_audit_branch(p, end);
	}

	if (site->kind == PV_SITE_BRANCH)
		return pv_is_padding(p, end) ? PV_STATE_NATIVE : PV_STATE_BAD;

	p = pv_skip_native(site->op, p);
	if (p && p <= end &&
	    (site->op == PV_SLOT(cpu.iret) || pv_is_padding(p, end)))
		return PV_STATE_NATIVE;
	return PV_STATE_BAD;
}

/**
 * paravirt_audit_sites() - audit a table of call sites
 * @start:	first record
 * @end:	behind the last one
 * @counts:	what is found is added to these
 *
 * Process context, as long as the text is there: init sections go.  Sites that
 * are not as they should be are named on the console.  Modules may be loaded at
 * the same time.
 */
void paravirt_audit_sites(const struct pv_site *start,
			  const struct pv_site *end,
			  struct pv_site_counts *counts)
{
	static DEFINE_MUTEX(lock);
	const struct pv_site *site;

	guard(mutex)(&lock);
	for (site = start; site < end; site++) {
		enum pv_site_state state = paravirt_audit_site(site);
		int group = paravirt_slot_group(site->op);

		if (state == PV_STATE_BAD)
			pr_err("site %pS: %*ph is not %s\n",
			       (void *)&site->offset + site->offset, site->len,
			       (void *)&site->offset + site->offset,
			       paravirt_slot_name(site->op) ?: "any operation");
		counts->n[max(group, 0)][state]++;
	}
}

static int __init pv_audit_kernel(void)
{
	paravirt_audit_sites(__pv_sites, __pv_sites_end, &pv_kernel_sites);
	return 0;
}

/* Before mark_rodata_ro() and free_initmem(). */
late_initcall(pv_audit_kernel);

#ifdef CONFIG_DEBUG_FS
static void pv_show_counts(struct seq_file *m, const char *where,
			   const struct pv_site_counts *counts)
{
	int g, s;

	for (g = 0; g < PV_NR_GROUPS; g++) {
		if (!memchr_inv(counts->n[g], 0, sizeof(counts->n[g])))
			continue;
		seq_printf(m, "%s\t%s", where, pv_group_names[g]);
		for (s = 0; s < PV_NR_STATES; s++)
			seq_printf(m, "\t%s %u", pv_state_names[s],
				   counts->n[g][s]);
		seq_putc(m, '\n');
	}
}

static int sites_show(struct seq_file *m, void *v)
{
	pv_show_counts(m, "kernel", &pv_kernel_sites);
	pv_show_counts(m, "modules", &pv_module_sites);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sites);

void __init paravirt_sites_debugfs(struct dentry *dir)
{
	debugfs_create_file("sites", 0444, dir, NULL, &sites_fops);
}
#endif
