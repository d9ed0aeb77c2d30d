// SPDX-License-Identifier: GPL-2.0
/*
 * Page tables of a 32-bit PV guest
 *
 * Such a guest runs below a 64-bit hypervisor.  The entries of its third level
 * - the PDPTEs of PAE - live in a whole page, anywhere in memory.  Its fourth
 * entry is special: the PMD page below it also holds entries of Xen, from the
 * address on where the guest's address space ends.  Xen wants that page to be
 * below exactly one third level table, so processes cannot share the kernel's
 * PMD page.
 *
 * For Xen to check such a page takes longer than all else that fork() does.
 * So a third level and its PMD page for the kernel, a top for short, are made
 * once, stay pinned, and go from process to process.  A PGD is not what Xen
 * sees: it is memory like any other, with guest frame numbers in it, and shares
 * the kernel's PMD page with init_mm.  Where other guests pin a PGD, this one
 * links its PMD pages for user space to the top.
 *
 * ABI: xen/include/public/arch-x86/xen-x86_32.h and xen.h of Xen 4.17
 */
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/memblock.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <asm/paravirt.h>
#include <asm/setup.h>

#include <asm/xen/hypercall.h>
#include <asm/xen/hypervisor.h>

#include <xen/interface/xen.h>
#include <xen/page.h>

#include "mmu_pv.h"
#include "xen-ops.h"

/**
 * struct xen_top - third level of page tables as Xen sees it
 * @all:	in xen_tops
 * @spare:	in xen_spare_tops while no process has it
 * @l3:		third level, pinned
 * @kernel:	PMD page of its last entry, a copy of xen_kernel_pmd
 */
struct xen_top {
	struct list_head all, spare;
	pgd_t *l3;
	pmd_t *kernel;
};

/* Two pages each that a burst of processes leaves behind */
#define XEN_MAX_SPARE_TOPS	32

static pgd_t xen_init_l3[PAGE_SIZE / sizeof(pgd_t)] __page_aligned_bss;
/* The PMD page that xen_init_l3 ends with */
static pmd_t *xen_kernel_pmd __ro_after_init;

unsigned long xen_last_mapped_pfn __initdata;

/*
 * Protects what follows, and all of @kernel against a change in between.  Its
 * holder cannot be stopped for a save: no half of a top is ever saved.
 */
static DEFINE_RAW_SPINLOCK(xen_tops_lock);
static LIST_HEAD(xen_tops);
static LIST_HEAD(xen_spare_tops);
static unsigned int xen_nr_spare_tops;

static struct xen_top *xen_top_of(pgd_t *pgd)
{
	return (struct xen_top *)page_private(virt_to_page(pgd));
}

static pgd_t *xen_l3_of(pgd_t *pgd)
{
	return pgd == swapper_pg_dir ? xen_init_l3 : xen_top_of(pgd)->l3;
}

/**
 * xen_top_pfn() - what Xen has to be told instead of a PGD
 * @cr3:	physical address of a PGD
 *
 * Return: guest frame number of the third level that belongs to it.
 */
unsigned long xen_top_pfn(unsigned long cr3)
{
	return PFN_DOWN(__pa(xen_l3_of(__va(cr3))));
}

/* An entry with a guest frame number as Xen wants it */
static u64 xen_l3_entry(pgd_t pgd)
{
	u64 val = native_pgd_val(pgd);

	if (!(val & _PAGE_PRESENT))
		return 0;

	return (u64)pfn_to_mfn(val >> PAGE_SHIFT) << PAGE_SHIFT |
	       (val & ~PAGE_MASK);
}

static void xen_queue_l3_entry(pgd_t *pgd, unsigned int i, u64 entry)
{
	struct mmu_update u = {
		.ptr = virt_to_machine(&xen_l3_of(pgd)[i]).maddr |
		       MMU_NORMAL_PT_UPDATE,
		.val = entry,
	};

	xen_extend_mmu_update(&u);
}

/**
 * xen_top_link() - give a process the user space of its PGD, or take it away
 * @pgd:	its PGD
 * @link:	whether to link or to unlink
 *
 * Xen checks all page tables for user space, or forgets them. They must be
 * mapped read-only until it forgot them. No CPU may use @pgd.
 *
 * In a batch of multicalls.
 */
void xen_top_link(pgd_t *pgd, bool link)
{
	unsigned int i;

	for (i = 0; i < KERNEL_PGD_BOUNDARY; i++)
		xen_queue_l3_entry(pgd, i, link ? xen_l3_entry(pgd[i]) : 0);
}

/* Of a PGD that is linked, or that of init_mm: what Xen sees has to follow. */
void xen_set_pud(pud_t *ptr, pud_t val)
{
	pgd_t *pgd = (pgd_t *)((unsigned long)ptr & PAGE_MASK);
	unsigned int i = (pgd_t *)ptr - pgd;

	native_set_pud(ptr, val);
	if (!xen_page_pinned(ptr))
		return;

	preempt_disable();
	xen_mc_batch();
	xen_queue_l3_entry(pgd, i, xen_l3_entry(pgd[i]));
	xen_mc_issue(0);
	preempt_enable();
}

static void xen_queue_pmd(pmd_t *ptr, u64 entry)
{
	struct mmu_update u = {
		.ptr = virt_to_machine(ptr).maddr | MMU_NORMAL_PT_UPDATE,
		.val = entry,
	};

	xen_extend_mmu_update(&u);
}

/**
 * xen_top_set_pmd() - change the kernel's PMD page and all copies of it
 * @ptr:	the entry to change, of any pinned PMD page
 * @entry:	what to set it to, with a machine frame number
 *
 * All of them change under the lock, so that a new copy is never made of half
 * an entry.  The kernel's own changes last: whoever finds an entry there, and
 * goes on without a fault, finds it in each copy.
 *
 * May be called from any context but NMIs.
 *
 * Return: whether it was an entry of the kernel's PMD page; nothing was done
 * if not.
 */
bool xen_top_set_pmd(pmd_t *ptr, u64 entry)
{
	struct xen_top *top;
	unsigned long flags;

	if (((unsigned long)ptr & PAGE_MASK) != (unsigned long)xen_kernel_pmd)
		return false;

	raw_spin_lock_irqsave(&xen_tops_lock, flags);
	xen_mc_batch();
	list_for_each_entry(top, &xen_tops, all)
		xen_queue_pmd(top->kernel + (ptr - xen_kernel_pmd), entry);
	xen_queue_pmd(ptr, entry);
	/* Not later: the lock keeps the tops from going away. */
	xen_mc_issue(0);
	raw_spin_unlock_irqrestore(&xen_tops_lock, flags);

	return true;
}

static void xen_free_top(struct xen_top *top)
{
	free_page((unsigned long)top->l3);
	free_page((unsigned long)top->kernel);
	kfree(top);
}

static struct xen_top *xen_make_top(void)
{
	struct xen_top *top = kmalloc(sizeof(*top), GFP_KERNEL);
	unsigned long flags;
	unsigned int i;
	pgd_t kernel;

	if (!top)
		return NULL;

	top->l3 = (pgd_t *)get_zeroed_page(GFP_KERNEL);
	top->kernel = (pmd_t *)__get_free_page(GFP_KERNEL);
	if (!top->l3 || !top->kernel) {
		xen_free_top(top);
		return NULL;
	}
	INIT_LIST_HEAD(&top->spare);

	/* A save translates the frame numbers of what is pinned, only. */
	raw_spin_lock_irqsave(&xen_tops_lock, flags);
	for (i = KERNEL_PGD_BOUNDARY; i < PTRS_PER_PGD - 1; i++)
		top->l3[i] = xen_init_l3[i];
	kernel = native_make_pgd(__pa(top->kernel) | _PAGE_PRESENT);
	top->l3[i] = native_make_pgd(xen_l3_entry(kernel));
	copy_page(top->kernel, xen_kernel_pmd);
	make_lowmem_page_readonly(top->l3);
	make_lowmem_page_readonly(top->kernel);
	pin_pagetable_pfn(MMUEXT_PIN_L3_TABLE, PFN_DOWN(__pa(top->l3)));
	list_add(&top->all, &xen_tops);
	raw_spin_unlock_irqrestore(&xen_tops_lock, flags);

	return top;
}

static void xen_unmake_top(struct xen_top *top)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&xen_tops_lock, flags);
	list_del(&top->all);
	pin_pagetable_pfn(MMUEXT_UNPIN_TABLE, PFN_DOWN(__pa(top->l3)));
	raw_spin_unlock_irqrestore(&xen_tops_lock, flags);

	make_lowmem_page_readwrite(top->l3);
	make_lowmem_page_readwrite(top->kernel);
	xen_free_top(top);
}

/* pgd_alloc() and pgd_free() call these in process context. */
int xen_pgd_alloc(struct mm_struct *mm)
{
	struct xen_top *top;
	unsigned long flags;

	raw_spin_lock_irqsave(&xen_tops_lock, flags);
	top = list_first_entry_or_null(&xen_spare_tops, struct xen_top, spare);
	if (top) {
		list_del_init(&top->spare);
		xen_nr_spare_tops--;
	}
	raw_spin_unlock_irqrestore(&xen_tops_lock, flags);

	if (!top)
		top = xen_make_top();
	if (!top)
		return -ENOMEM;

	set_page_private(virt_to_page(mm->pgd), (unsigned long)top);
	return 0;
}

void xen_pgd_free(struct mm_struct *mm, pgd_t *pgd)
{
	struct xen_top *top = xen_top_of(pgd);
	unsigned long flags;

	set_page_private(virt_to_page(pgd), 0);

	raw_spin_lock_irqsave(&xen_tops_lock, flags);
	if (xen_nr_spare_tops < XEN_MAX_SPARE_TOPS) {
		list_add(&top->spare, &xen_spare_tops);
		xen_nr_spare_tops++;
		top = NULL;
	}
	raw_spin_unlock_irqrestore(&xen_tops_lock, flags);

	if (top)
		xen_unmake_top(top);
}

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
 * xen_init_l3, for swapper_pg_dir, gets copies of the PMD pages for PAGE_OFFSET
 * and up, takes over the PTE pages below them, and is loaded.  The direct map
 * ends where the domain builder's did; init_mem_mapping() makes the rest.
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

		/* Xen adds what else it wants to see in its entry. */
		swapper_pg_dir[i] = __pgd(__pa(pmd) | _PAGE_PRESENT);
		xen_init_l3[i] = native_make_pgd(xen_l3_entry(swapper_pg_dir[i]));
		xen_make_table_readonly(pmd);
		xen_kernel_pmd = pmd;
	}
	xen_make_table_readonly(xen_init_l3);

	for (i = 0; native_pmd_val(initial_pg_pmd[i]) & _PAGE_PRESENT; i++)
		;
	xen_last_mapped_pfn = i * PTRS_PER_PTE - 1;

	pin_pagetable_pfn(MMUEXT_PIN_L3_TABLE, PFN_DOWN(__pa(xen_init_l3)));

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
