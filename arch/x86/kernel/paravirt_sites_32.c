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
#include <linux/seq_file.h>
#include <linux/string.h>

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

/* What a native site consists of, prefixes aside. */
static const struct {
	u16	slot;
	u8	len;
	u8	bytes[3];
} pv_native_insns[] = {
	{ PV_SLOT(irq.save_fl),		2, { 0x9c, 0x58 } },
	{ PV_SLOT(irq.irq_disable),	1, { 0xfa } },
	{ PV_SLOT(irq.irq_enable),	1, { 0xfb } },
	{ PV_SLOT(cpu.iret),		1, { IRET_INSN_OPCODE } },
	{ PV_SLOT(cpu.read_cr0),	3, { 0x0f, 0x20, 0xc0 } },
	{ PV_SLOT(cpu.write_cr0),	3, { 0x0f, 0x22, 0xc0 } },
	{ PV_SLOT(cpu.wbinvd),		2, { 0x0f, 0x09 } },
	{ PV_SLOT(mmu.read_cr2),	3, { 0x0f, 0x20, 0xd0 } },
	{ PV_SLOT(mmu.write_cr2),	3, { 0x0f, 0x22, 0xd0 } },
	{ PV_SLOT(mmu.read_cr3),	3, { 0x0f, 0x20, 0xd8 } },
	{ PV_SLOT(mmu.write_cr3),	3, { 0x0f, 0x22, 0xd8 } },
	{ PV_SLOT(lock.queued_spin_unlock),	3, { 0xc6, 0x00, 0x00 } },
	{ PV_SLOT(lock.vcpu_is_preempted),	2, { 0x31, 0xc0 } },
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

/* Does the native instruction of @slot start at @p?  Return: its end, or NULL. */
static const u8 *pv_skip_native(unsigned int slot, const u8 *p, const u8 *end)
{
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(pv_native_insns); i++)
		if (pv_native_insns[i].slot == slot)
			break;
	if (i == ARRAY_SIZE(pv_native_insns))
		return NULL;

	for (n = 0; n < pv_native_insns[i].len; n++) {
		while (p < end && *p == DS_PREFIX)
			p++;
		if (p >= end || *p++ != pv_native_insns[i].bytes[n])
			return NULL;
	}
	return p;
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
	if (*p == JMP32_INSN_OPCODE || *p == JMP8_INSN_OPCODE) {
		if (slot == PV_SLOT(cpu.iret) && pv_branch_target(p) == op)
			return PV_STATE_DIRECT;
		return PV_STATE_BAD;
	}

	if (op == (u8 *)nop_func && pv_is_padding(p, end))
		return PV_STATE_NOP;
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
	if (site->kind == PV_SITE_CALL || !pv_site_native(site, group)) {
		if (site->kind < PV_SITE_BRANCH)
			return pv_audit_call(site->op, p, end);
		if (*p == JMP8_INSN_OPCODE || *p == JMP32_INSN_OPCODE)
			return PV_STATE_DIRECT;
		return PV_STATE_BAD;
	}

	if (site->kind == PV_SITE_BRANCH)
		return pv_is_padding(p, end) ? PV_STATE_NATIVE : PV_STATE_BAD;

	p = pv_skip_native(site->op, p, end);
	if (p && (site->op == PV_SLOT(cpu.iret) || pv_is_padding(p, end)))
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
 * are not as they should be are named on the console.
 */
void paravirt_audit_sites(const struct pv_site *start,
			  const struct pv_site *end,
			  struct pv_site_counts *counts)
{
	const struct pv_site *site;

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
