// SPDX-License-Identifier: GPL-2.0
/*
 * Guest of a VMI option ROM: the group "apic".
 *
 * An application processor does not go through the real-mode trampoline: it
 * starts with paging on, in the state that it is given.
 */
#include <linux/build_bug.h>
#include <linux/delay.h>
#include <linux/init.h>
#include <linux/pgtable.h>
#include <linux/processor.h>
#include <linux/smp.h>

#include <asm/apic.h>
#include <asm/cpu_entry_area.h>
#include <asm/desc.h>
#include <asm/fixmap.h>
#include <asm/msr.h>
#include <asm/paravirt_groups.h>
#include <asm/realmode.h>
#include <asm/segment.h>

#include "vmi.h"

VMI_DECLARE_CALL(apic_read, u32, u32 addr);
VMI_DECLARE_CALL(apic_write, void, u32 addr, u32 val);
VMI_DECLARE_CALL(ap_state, void, const struct vmi_ap_state *ap, u32 apicid);

VMI_DEFINE_CALL(apic_read);
VMI_DEFINE_CALL(apic_write);
VMI_DEFINE_CALL(ap_state);

/* A kernel that panics stops other CPUs, whatever became of the ROM. */
static u32 vmi_apic_read(u32 reg)
{
	if (unlikely(vmi_crashed))
		return native_apic_mem_read(reg);
	return vmi_call(apic_read, APIC_BASE + reg);
}

static void vmi_apic_write(u32 reg, u32 val)
{
	if (unlikely(vmi_crashed)) {
		native_apic_mem_write(reg, val);
		return;
	}
	vmi_call(apic_write, APIC_BASE + reg, val);
}

static void vmi_apic_eoi(void)
{
	vmi_apic_write(APIC_EOI, APIC_EOI_ACK);
}

/*
 * IPIs.  Those of the APIC drivers bypass the callbacks above.  Each CPU can be
 * reached by its physical ID, whatever the driver prefers.
 */
static void vmi_wait_icr_idle(void)
{
	while (vmi_apic_read(APIC_ICR) & APIC_ICR_BUSY)
		cpu_relax();
}

static u32 vmi_icr_mode(int vector)
{
	return vector == NMI_VECTOR ? APIC_DM_NMI : APIC_DM_FIXED | vector;
}

/*
 * NMIs queue work with this, whatever they interrupt, a change of the lazy mode
 * included; and to itself, a CPU is not another one.
 */
static void vmi_send_IPI_self(int vector)
{
	vmi_wait_icr_idle();
	vmi_apic_write(APIC_ICR, APIC_DEST_SELF | vmi_icr_mode(vector));
}

#ifdef CONFIG_SMP
/*
 * What wants the NMI to be sent may be that the APIC does not work.  Who gets
 * another IPI may look at page tables that were changed before.  (Where apic is
 * native, flushes of TLBs still see to that, and none else needs it.)
 */
static void vmi_wait_before(int vector)
{
	if (vector == NMI_VECTOR) {
		safe_apic_wait_icr_idle();
		return;
	}
	vmi_flush_lazy_mmu();
	vmi_wait_icr_idle();
}

/* The destination is in the command: nothing that an interrupt can spoil */
static void vmi_send_IPI_shorthand(u32 whom, int vector)
{
	vmi_wait_before(vector);
	vmi_apic_write(APIC_ICR, whom | vmi_icr_mode(vector));
}

static void vmi_send_IPI_all(int vector)
{
	vmi_send_IPI_shorthand(APIC_DEST_ALLINC, vector);
}

static void vmi_send_IPI_allbutself(int vector)
{
	vmi_send_IPI_shorthand(APIC_DEST_ALLBUT, vector);
}

static void vmi_send_IPI(int cpu, int vector)
{
	u32 apicid = per_cpu(x86_cpu_to_apicid, cpu);
	unsigned long flags;

	local_irq_save(flags);
	vmi_wait_before(vector);
	vmi_apic_write(APIC_ICR2, SET_XAPIC_DEST_FIELD(apicid));
	vmi_apic_write(APIC_ICR, APIC_DEST_PHYSICAL | vmi_icr_mode(vector));
	local_irq_restore(flags);
}

static void vmi_send_IPI_mask(const struct cpumask *mask, int vector)
{
	unsigned int cpu;

	for_each_cpu(cpu, mask)
		vmi_send_IPI(cpu, vector);
}

static void vmi_send_IPI_mask_allbutself(const struct cpumask *mask, int vector)
{
	unsigned int cpu, self = smp_processor_id();

	for_each_cpu(cpu, mask)
		if (cpu != self)
			vmi_send_IPI(cpu, vector);
}

static_assert(sizeof(struct vmi_ap_state) == 92);

/* Page aligned; CPUs are started one at a time. */
static struct vmi_ap_state vmi_ap_state __aligned(PAGE_SIZE);

static void vmi_fill_ap_state(struct vmi_ap_state *ap)
{
	unsigned long *stack = (unsigned long *)initial_stack;

	memset(ap, 0, sizeof(*ap));
	ap->cr0 = CR0_STATE;
	ap->cr3 = __pa(swapper_pg_dir);
	ap->cr4 = __read_cr4();
	if (boot_cpu_has(X86_FEATURE_NX))
		rdmsrl(MSR_EFER, ap->efer);

	/* As if called: nothing to return to, and no argument */
	*--stack = 0;
	ap->esp = (u32)stack;
	ap->eip = initial_code;

	ap->cs = __KERNEL_CS | vmi_ring;
	ap->ss = __KERNEL_DS | vmi_ring;
	ap->ds = __USER_DS;
	ap->es = __USER_DS;
	ap->fs = __KERNEL_PERCPU | vmi_ring;
	ap->gdt_base = early_gdt_descr.address;
	ap->gdt_limit = GDT_SIZE - 1;
	ap->idt_base = CPU_ENTRY_AREA_RO_IDT;
	ap->idt_limit = IDT_ENTRIES * sizeof(gate_desc) - 1;
}

static int vmi_icr(u32 how, u32 apicid)
{
	apic_icr_write(how, apicid);
	return safe_apic_wait_icr_idle();
}

/* INIT, state, STARTUP.  The second STARTUP is for those that miss one. */
static int vmi_wakeup_secondary_cpu(u32 apicid, unsigned long start_eip)
{
	int err, i;

	vmi_fill_ap_state(&vmi_ap_state);

	err = vmi_icr(APIC_INT_LEVELTRIG | APIC_INT_ASSERT | APIC_DM_INIT,
		      apicid);
	if (err)
		return err;
	mdelay(10);
	err = vmi_icr(APIC_INT_LEVELTRIG | APIC_DM_INIT, apicid);
	if (err)
		return err;

	vmi_call(ap_state, &vmi_ap_state, apicid);

	for (i = 0; i < 2 && !err; i++) {
		err = vmi_icr(APIC_DM_STARTUP | start_eip >> 12, apicid);
		udelay(200);
	}
	return err;
}
#endif

/**
 * vmi_apic_install() - install what the ROM offers of the apic group
 *
 * Boot CPU, interrupts off, after the callbacks of the APIC driver have become
 * static calls and before the APIC is mapped.
 */
void __init vmi_apic_install(void)
{
	if (!vmi_has(VMI_CALL_APIC_READ) || !vmi_has(VMI_CALL_APIC_WRITE) ||
	    !paravirt_claim(&x86_hyper_vmi, PV_GROUP_APIC))
		return;

	VMI_BIND(apic_read, VMI_CALL_APIC_READ);
	VMI_BIND(apic_write, VMI_CALL_APIC_WRITE);
	apic_update_callback(read, vmi_apic_read);
	apic_update_callback(write, vmi_apic_write);
	apic_update_callback(eoi, vmi_apic_eoi);

	apic_update_callback(wait_icr_idle, vmi_wait_icr_idle);
	apic_update_callback(send_IPI_self, vmi_send_IPI_self);

#ifdef CONFIG_SMP
	apic_update_callback(send_IPI, vmi_send_IPI);
	apic_update_callback(send_IPI_mask, vmi_send_IPI_mask);
	apic_update_callback(send_IPI_mask_allbutself,
			     vmi_send_IPI_mask_allbutself);
	apic_update_callback(send_IPI_allbutself, vmi_send_IPI_allbutself);
	apic_update_callback(send_IPI_all, vmi_send_IPI_all);
	if (!vmi_has(VMI_CALL_AP_STATE))
		return;
	VMI_BIND(ap_state, VMI_CALL_AP_STATE);
	apic_update_callback(wakeup_secondary_cpu, vmi_wakeup_secondary_cpu);
#endif
}
