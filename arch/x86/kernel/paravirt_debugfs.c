// SPDX-License-Identifier: GPL-2.0
/*
 * What paravirt_ops is made of on this machine: debugfs x86/paravirt/.
 *
 *  backend	name of the hypervisor that was found, or "native"
 *  groups	a line for each group: name, state, owner and reason
 *  ops		a line for each operation: name, symbol, "native" or "backend"
 *  sites	how call sites were patched, by group (i386)
 */
#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/seq_file.h>

#include <asm/paravirt.h>
#include <asm/paravirt_groups.h>
#include <asm/setup.h>

#define PV_NAME(op)							\
	[offsetof(struct paravirt_patch_template, op) / sizeof(void *)] = #op

static const char * const pv_slot_names[] = {
	PV_NAME(cpu.io_delay),
#ifdef CONFIG_PARAVIRT_XXL
	PV_NAME(cpu.get_debugreg),
	PV_NAME(cpu.set_debugreg),
	PV_NAME(cpu.read_cr0),
	PV_NAME(cpu.write_cr0),
	PV_NAME(cpu.write_cr4),
	PV_NAME(cpu.load_tr_desc),
	PV_NAME(cpu.load_gdt),
	PV_NAME(cpu.load_idt),
	PV_NAME(cpu.set_ldt),
	PV_NAME(cpu.store_tr),
	PV_NAME(cpu.load_tls),
#ifdef CONFIG_X86_64
	PV_NAME(cpu.load_gs_index),
#endif
	PV_NAME(cpu.write_ldt_entry),
	PV_NAME(cpu.write_gdt_entry),
	PV_NAME(cpu.write_idt_entry),
	PV_NAME(cpu.alloc_ldt),
	PV_NAME(cpu.free_ldt),
	PV_NAME(cpu.load_sp0),
#ifdef CONFIG_X86_IOPL_IOPERM
	PV_NAME(cpu.invalidate_io_bitmap),
	PV_NAME(cpu.update_io_bitmap),
#endif
	PV_NAME(cpu.wbinvd),
	PV_NAME(cpu.cpuid),
	PV_NAME(cpu.read_msr),
	PV_NAME(cpu.write_msr),
	PV_NAME(cpu.read_msr_safe),
	PV_NAME(cpu.write_msr_safe),
	PV_NAME(cpu.read_pmc),
	PV_NAME(cpu.start_context_switch),
	PV_NAME(cpu.end_context_switch),
#ifdef CONFIG_X86_32
	PV_NAME(cpu.iret),
#endif
	PV_NAME(irq.save_fl),
	PV_NAME(irq.irq_disable),
	PV_NAME(irq.irq_enable),
#endif
	PV_NAME(irq.safe_halt),
	PV_NAME(irq.halt),
	PV_NAME(mmu.flush_tlb_user),
	PV_NAME(mmu.flush_tlb_kernel),
	PV_NAME(mmu.flush_tlb_one_user),
	PV_NAME(mmu.flush_tlb_multi),
	PV_NAME(mmu.tlb_remove_table),
	PV_NAME(mmu.exit_mmap),
	PV_NAME(mmu.notify_page_enc_status_changed),
#ifdef CONFIG_PARAVIRT_XXL
	PV_NAME(mmu.read_cr2),
	PV_NAME(mmu.write_cr2),
	PV_NAME(mmu.read_cr3),
	PV_NAME(mmu.write_cr3),
	PV_NAME(mmu.enter_mmap),
	PV_NAME(mmu.pgd_alloc),
	PV_NAME(mmu.pgd_free),
	PV_NAME(mmu.alloc_pte),
	PV_NAME(mmu.alloc_pmd),
	PV_NAME(mmu.alloc_pud),
	PV_NAME(mmu.alloc_p4d),
	PV_NAME(mmu.release_pte),
	PV_NAME(mmu.release_pmd),
	PV_NAME(mmu.release_pud),
	PV_NAME(mmu.release_p4d),
	PV_NAME(mmu.set_pte),
	PV_NAME(mmu.set_pmd),
#ifdef CONFIG_X86_32
	PV_NAME(mmu.set_pte_atomic),
	PV_NAME(mmu.pte_clear),
	PV_NAME(mmu.pmd_clear),
	PV_NAME(mmu.ptep_get_and_clear),
	PV_NAME(mmu.ptep_set_wrprotect),
	PV_NAME(mmu.ptep_test_and_clear_young),
#endif
	PV_NAME(mmu.ptep_modify_prot_start),
	PV_NAME(mmu.ptep_modify_prot_commit),
	PV_NAME(mmu.pte_val),
	PV_NAME(mmu.make_pte),
	PV_NAME(mmu.pgd_val),
	PV_NAME(mmu.make_pgd),
#if CONFIG_PGTABLE_LEVELS >= 3
	PV_NAME(mmu.set_pud),
	PV_NAME(mmu.pmd_val),
	PV_NAME(mmu.make_pmd),
#endif
#if CONFIG_PGTABLE_LEVELS >= 4
	PV_NAME(mmu.pud_val),
	PV_NAME(mmu.make_pud),
	PV_NAME(mmu.set_p4d),
#endif
#if CONFIG_PGTABLE_LEVELS >= 5
	PV_NAME(mmu.p4d_val),
	PV_NAME(mmu.make_p4d),
	PV_NAME(mmu.set_pgd),
#endif
	PV_NAME(mmu.lazy_mode.enter),
	PV_NAME(mmu.lazy_mode.leave),
	PV_NAME(mmu.lazy_mode.flush),
	PV_NAME(mmu.set_fixmap),
#endif /* CONFIG_PARAVIRT_XXL */
	PV_NAME(lock.queued_spin_lock_slowpath),
	PV_NAME(lock.queued_spin_unlock),
	PV_NAME(lock.wait),
	PV_NAME(lock.kick),
	PV_NAME(lock.vcpu_is_preempted),
};

static_assert(ARRAY_SIZE(pv_slot_names) ==
	      sizeof(struct paravirt_patch_template) / sizeof(void *));

/**
 * paravirt_slot_name() - name of an operation
 * @slot:	index of its slot in pv_ops, in pointers
 *
 * Any context.  Return: "group.operation", or NULL if there is no such slot.
 */
const char *paravirt_slot_name(unsigned int slot)
{
	return slot < ARRAY_SIZE(pv_slot_names) ? pv_slot_names[slot] : NULL;
}

#ifdef CONFIG_DEBUG_FS
static int backend_show(struct seq_file *m, void *v)
{
	seq_printf(m, "%s\n", pv_backend_name ?: "native");
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(backend);

static int groups_show(struct seq_file *m, void *v)
{
	int i;

	for (i = 0; i < PV_NR_GROUPS; i++) {
		const struct pv_group_state *g = &pv_groups[i];

		seq_printf(m, "%s\t", pv_group_names[i]);
		if (g->kept)
			seq_printf(m, "required\t%s\t%s\n", g->owner,
				   g->reason ?: PV_TOO_LATE);
		else if (g->owner)
			seq_printf(m, "installed\t%s\t-\n", g->owner);
		else if (g->denied)
			seq_printf(m, "disabled\t%s\tby request\n", g->denied);
		else
			seq_puts(m, "native\t-\t-\n");
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(groups);

static int ops_show(struct seq_file *m, void *v)
{
	void **now = (void **)&pv_ops, **native = (void **)&pv_native_ops;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pv_slot_names); i++)
		seq_printf(m, "%s\t%ps\t%s\n", pv_slot_names[i], now[i],
			   now[i] == native[i] ? "native" : "backend");
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(ops);

static int __init pv_debugfs_init(void)
{
	struct dentry *dir = debugfs_create_dir("paravirt", arch_debugfs_dir);

	debugfs_create_file("backend", 0444, dir, NULL, &backend_fops);
	debugfs_create_file("groups", 0444, dir, NULL, &groups_fops);
	debugfs_create_file("ops", 0444, dir, NULL, &ops_fops);
	paravirt_sites_debugfs(dir);
	return 0;
}
late_initcall(pv_debugfs_init);
#endif /* CONFIG_DEBUG_FS */
