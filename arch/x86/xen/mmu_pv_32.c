// SPDX-License-Identifier: GPL-2.0
/*
 * Page tables of a 32-bit PV guest
 *
 * Such a guest runs below a 64-bit hypervisor.  The entries of its third level
 * - the PDPTEs of PAE - live in a whole page, anywhere in memory.  Its fourth
 * entry is special: the PMD page below it also holds entries of Xen, from the
 * address on where the guest's address space ends.  Xen wants that page to be
 * below exactly one third level table, so the kernel's PMD page cannot be
 * shared: every process has a copy, made by pgd_alloc().
 *
 * ABI: xen/include/public/arch-x86/xen-x86_32.h and xen.h of Xen 4.17
 */
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sizes.h>

#include <asm/paravirt.h>
#include <asm/setup.h>

#include <asm/xen/hypercall.h>
#include <asm/xen/hypervisor.h>

#include <xen/interface/xen.h>
#include <xen/page.h>

#include "mmu_pv.h"
#include "xen-ops.h"

/* What an entry made by the hypervisor's domain builder points to */
static void * __init xen_entry_to_virt(u64 entry)
{
	return __va(PFN_PHYS(mfn_to_pfn((entry & XEN_PTE_MFN_MASK) >>
					PAGE_SHIFT)));
}

static unsigned long __init xen_min_entry_pfn(u64 entry, unsigned long min_pfn)
{
	if (!(entry & _PAGE_PRESENT))
		return min_pfn;

	return min(min_pfn, mfn_to_pfn((entry & XEN_PTE_MFN_MASK) >>
				       PAGE_SHIFT));
}

/*
 * The lowest page of the page tables that the domain was started with.  It is
 * the third level in a domU, but any of them in a dom0.
 */
static unsigned long __init xen_find_pt_base(pgd_t *pgd)
{
	unsigned long min_pfn = PFN_DOWN(__pa(pgd));
	unsigned int i, j, nr;

	for (i = 0; i < PTRS_PER_PGD; i++) {
		pmd_t *pmd;

		if (!(native_pgd_val(pgd[i]) & _PAGE_PRESENT))
			continue;

		min_pfn = xen_min_entry_pfn(native_pgd_val(pgd[i]), min_pfn);
		pmd = xen_entry_to_virt(native_pgd_val(pgd[i]));
		/* Entries above FIXADDR_TOP are Xen's. */
		nr = i == pgd_index(FIXADDR_TOP) ? pmd_index(FIXADDR_TOP) + 1 :
						   PTRS_PER_PMD;
		for (j = 0; j < nr; j++)
			min_pfn = xen_min_entry_pfn(native_pmd_val(pmd[j]),
						    min_pfn);
	}
	return min_pfn;
}

static void __init xen_make_table_readonly(void *table)
{
	pte_t pte = pfn_pte(PFN_DOWN(__pa(table)), PAGE_KERNEL_RO);

	if (HYPERVISOR_update_va_mapping((unsigned long)table, pte, UVMF_NONE))
		BUG();
}

/**
 * xen_setup_kernel_pagetable() - move to page tables of the kernel's own
 * @pgd:	third level of the page tables that the domain was started with
 * @max_pfn:	unused, number of pages of the domain
 *
 * swapper_pg_dir gets copies of the PMD pages for PAGE_OFFSET and up, takes
 * over the PTE pages below them, and is loaded.  The direct map ends where the
 * domain builder's did; init_mem_mapping() makes the rest.
 *
 * Start of day, boot CPU, no other page tables in use.  The top of the address
 * space must have been reserved before.
 */
void __init xen_setup_kernel_pagetable(pgd_t *pgd, unsigned long max_pfn)
{
	unsigned int i;

	/* What is mapped above has a meaning of its own. */
	max_pfn_mapped = PFN_DOWN(__pa(xen_start_info->mfn_list));

	xen_pt_base = PFN_PHYS(xen_find_pt_base(pgd));
	xen_pt_size = xen_start_info->nr_pt_frames * PAGE_SIZE;

	for (i = KERNEL_PGD_BOUNDARY; i < PTRS_PER_PGD; i++) {
		pmd_t *pmd = initial_pg_pmd +
			     (i - KERNEL_PGD_BOUNDARY) * PTRS_PER_PMD;

		if (native_pgd_val(pgd[i]) & _PAGE_PRESENT)
			copy_page(pmd,
				  xen_entry_to_virt(native_pgd_val(pgd[i])));

		/* Xen adds what else it wants to see in this entry. */
		swapper_pg_dir[i] = __pgd(__pa(pmd) | _PAGE_PRESENT);
		xen_make_table_readonly(pmd);
	}
	xen_make_table_readonly(swapper_pg_dir);

	pin_pagetable_pfn(XEN_PIN_PGD, PFN_DOWN(__pa(swapper_pg_dir)));

	xen_mc_batch();
	__xen_write_cr3(true, __pa(swapper_pg_dir));
	xen_mc_issue(XEN_LAZY_CPU);

	/* The PTE pages remain in use, the few others are not worth it. */
	pin_pagetable_pfn(MMUEXT_UNPIN_TABLE, PFN_DOWN(__pa(pgd)));
	memblock_reserve(xen_pt_base, xen_pt_size);
}

/**
 * xen_reserve_p2m_space() - set aside virtual space for the P2M list
 *
 * The list, 4 bytes for each page that the domain may ever have, is mapped in
 * the vmalloc area.  Enlarge that area, so that what is left for others does
 * not depend on the size of the domain.
 *
 * Boot CPU, after the memory map is known and early parameters are parsed,
 * before the end of low memory is decided upon.
 */
void __init xen_reserve_p2m_space(void)
{
	/* See xen_vmalloc_p2m_tree(): size and start are multiples of 4 MiB. */
	__VMALLOC_RESERVE += round_up(xen_max_p2m_pfn * sizeof(unsigned long),
				      SZ_4M) + SZ_4M;
}

/*
 * May another CPU be setting accessed and dirty bits of @mm?  Not those of the
 * kernel's own entries: nobody looks at them.
 */
static bool xen_mm_used_elsewhere(struct mm_struct *mm)
{
	return mm != &init_mm &&
	       (mm != current->mm || atomic_read(&mm->mm_users) > 1);
}

/*
 * Clear a present entry and return what it was.  Xen has no exchange.  But when
 * it writes an entry with MMU_PT_UPDATE_PRESERVE_AD it takes over, atomically,
 * the accessed and dirty bits.  They are left in the dead entry, from where
 * they are read; pte_none() does not see them.
 */
static pte_t xen_pte_exchange_none(pte_t *ptep)
{
	struct mmu_update u = {
		.ptr = virt_to_machine(ptep).maddr | MMU_PT_UPDATE_PRESERVE_AD,
	};
	pte_t old;

	preempt_disable();
	/* What is in the batch comes first. */
	xen_mc_flush();
	old = *ptep;
	if (HYPERVISOR_mmu_update(&u, 1, NULL, DOMID_SELF))
		BUG();
	preempt_enable();

	return pte_set_flags(old, READ_ONCE(ptep->pte_low) &
				  (_PAGE_ACCESSED | _PAGE_DIRTY));
}

pte_t xen_ptep_get_and_clear(struct mm_struct *mm, unsigned long addr,
			     pte_t *ptep)
{
	pte_t old;

	/* No CPU uses a table that is not pinned. */
	if (!xen_page_pinned(ptep))
		return native_local_ptep_get_and_clear(ptep);

	old = *ptep;
	if ((old.pte_low & _PAGE_PRESENT) && xen_mm_used_elsewhere(mm))
		return xen_pte_exchange_none(ptep);

	xen_set_pte(ptep, native_make_pte(0));
	return old;
}

void xen_ptep_set_wrprotect(struct mm_struct *mm, unsigned long addr,
			    pte_t *ptep)
{
	struct mmu_update u;

	if (!xen_page_pinned(ptep)) {
		native_set_pte(ptep, pte_wrprotect(*ptep));
		return;
	}

	xen_mc_batch();

	u.ptr = virt_to_machine(ptep).maddr | MMU_PT_UPDATE_PRESERVE_AD;
	u.val = pte_val_ma(pte_wrprotect(*ptep));
	xen_extend_mmu_update(&u);

	xen_mc_issue(XEN_LAZY_MMU);
}

int xen_ptep_test_and_clear_young(struct vm_area_struct *vma,
				  unsigned long addr, pte_t *ptep)
{
	pte_t old;

	if (!xen_page_pinned(ptep))
		return native_ptep_test_and_clear_young(vma, addr, ptep);

	/*
	 * A CPU that finds the entry gone for a moment waits for the lock of
	 * the table, and then finds it there.
	 */
	old = *ptep;
	if ((old.pte_low & _PAGE_PRESENT) && xen_mm_used_elsewhere(vma->vm_mm))
		old = xen_pte_exchange_none(ptep);

	xen_set_pte(ptep, pte_clear_flags(old, _PAGE_ACCESSED));
	return !!(old.pte_low & _PAGE_ACCESSED);
}

/* Move the P2M list from where the domain builder put it */
void __init xen_pagetable_p2m_setup(void)
{
	void *list = (void *)xen_start_info->mfn_list;

	xen_vmalloc_p2m_tree();

	memblock_free(list, PFN_ALIGN(xen_start_info->nr_pages *
				      sizeof(unsigned long)));
	xen_start_info->mfn_list = (unsigned long)xen_p2m_addr;
}
