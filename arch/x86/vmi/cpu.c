// SPDX-License-Identifier: GPL-2.0
/*
 * Guest of a VMI option ROM: the groups "cpu" and "irq".
 *
 * MSRs, the performance counters, I/O ports and HLT with interrupts off stay
 * native: a hypervisor that needs to know traps them.
 */
#include <linux/init.h>
#include <linux/percpu.h>
#include <linux/processor.h>
#include <linux/smp.h>
#include <linux/string.h>

#include <asm/cpu_entry_area.h>
#include <asm/desc.h>
#include <asm/nospec-branch.h>
#include <asm/paravirt_groups.h>
#include <asm/segment.h>

#include "vmi.h"

VMI_DECLARE_CALL(set_ldt, void, u32 selector);
VMI_DECLARE_CALL(set_tr, void, u32 selector);
VMI_DECLARE_CALL(write_gdt, void, const void *gdt, u32 index, u32 lo, u32 hi);
VMI_DECLARE_CALL(write_ldt, void, const void *ldt, u32 index, u32 lo, u32 hi);
VMI_DECLARE_CALL(write_idt, void, const void *idt, u32 index, u32 lo, u32 hi);
VMI_DECLARE_CALL(kernel_stack, void, u32 ss, u32 esp);

VMI_DEFINE_CALL(set_ldt);
VMI_DEFINE_CALL(set_tr);
VMI_DEFINE_CALL(write_gdt);
VMI_DEFINE_CALL(write_ldt);
VMI_DEFINE_CALL(write_idt);
VMI_DEFINE_CALL(kernel_stack);

static vmi_fn vmi_cpuid_routine __ro_after_init;
vmi_fn vmi_iret_routine __ro_after_init;

static void vmi_cpuid(unsigned int *eax, unsigned int *ebx,
		      unsigned int *ecx, unsigned int *edx)
{
	asm volatile(ANNOTATE_RETPOLINE_SAFE "call *%[routine]"
		     : "+a" (*eax), "=b" (*ebx), "+c" (*ecx), "=d" (*edx),
		       ASM_CALL_CONSTRAINT
		     : [routine] "m" (vmi_cpuid_routine)
		     : "cc", "memory");
}

static void vmi_write_gdt_entry(struct desc_struct *gdt, int index,
				const void *desc, int type)
{
	const u32 *d = desc;

	vmi_call(write_gdt, gdt, index, d[0], d[1]);
}

static void vmi_write_ldt_entry(struct desc_struct *ldt, int index,
				const void *desc)
{
	const u32 *d = desc;

	vmi_call(write_ldt, ldt, index, d[0], d[1]);
}

static void vmi_write_idt_entry(gate_desc *idt, int index,
				const gate_desc *gate)
{
	const u32 *d = (const u32 *)gate;

	vmi_call(write_idt, idt, index, d[0], d[1]);
}

/*
 * Only what differs: the next thread seldom has other segments.  No segment
 * register may hold a selector whose descriptor goes away; %gs is the only one
 * that is not the kernel's by now, and __switch_to() has saved it.
 */
static void vmi_load_tls(struct thread_struct *t, unsigned int cpu)
{
	struct desc_struct *gdt = get_cpu_gdt_rw(cpu);
	unsigned int i;
	u16 gs;

	for (i = GDT_ENTRY_TLS_MIN; i <= GDT_ENTRY_TLS_MAX; i++) {
		const struct desc_struct *want =
			&t->tls_array[i - GDT_ENTRY_TLS_MIN];

		if (!memcmp(&gdt[i], want, sizeof(*want)))
			continue;
		if (!want->p) {
			savesegment(gs, gs);
			if ((gs & ~SEGMENT_RPL_MASK) == i * 8)
				loadsegment(gs, 0);
		}
		vmi_write_gdt_entry(gdt, i, want, DESC_TSS);
	}
}

/* The table has to be known before the descriptor goes into use. */
static void vmi_set_ldt(const void *addr, unsigned int entries)
{
	unsigned int cpu = smp_processor_id();
	ldt_desc ldt;

	if (!entries) {
		vmi_call(set_ldt, 0);
		return;
	}
	set_tssldt_descriptor(&ldt, (unsigned long)addr, DESC_LDT,
			      entries * LDT_ENTRY_SIZE - 1);
	vmi_write_gdt_entry(get_cpu_gdt_rw(cpu), GDT_ENTRY_LDT, &ldt,
			    DESC_LDT);
	vmi_call(set_ldt, GDT_ENTRY_LDT * 8);
}

static void vmi_load_tr_desc(void)
{
	vmi_call(set_tr, GDT_ENTRY_TSS * 8);
}

/* The kernel's own copy is for the kernel's own eyes. */
static void vmi_load_sp0(unsigned long sp0)
{
	native_load_sp0(sp0);
	vmi_call(kernel_stack, __KERNEL_DS | vmi_ring, sp0);
}

static bool __init vmi_install_cpu_ops(void)
{
	static struct paravirt_patch_template ops __initdata;
	struct pv_cpu_ops *cpu = &ops.cpu;

	VMI_DIRECT(cpu->io_delay, VMI_CALL_IO_DELAY);
	VMI_DIRECT(cpu->get_debugreg, VMI_CALL_GET_DR);
	VMI_DIRECT(cpu->set_debugreg, VMI_CALL_SET_DR);
	VMI_DIRECT(cpu->read_cr0, VMI_CALL_GET_CR0);
	VMI_DIRECT(cpu->write_cr0, VMI_CALL_SET_CR0);
	VMI_DIRECT(cpu->write_cr4, VMI_CALL_SET_CR4);
	VMI_DIRECT(cpu->wbinvd, VMI_CALL_WBINVD);
	VMI_DIRECT(cpu->load_gdt, VMI_CALL_SET_GDT);
	VMI_DIRECT(cpu->load_idt, VMI_CALL_SET_IDT);
	VMI_DIRECT(cpu->store_tr, VMI_CALL_GET_TR);

	if (vmi_has(VMI_CALL_CPUID))
		cpu->cpuid = vmi_cpuid;
	if (vmi_has(VMI_CALL_WRITE_GDT)) {
		cpu->write_gdt_entry = (void *)vmi_write_gdt_entry;
		cpu->load_tls = vmi_load_tls;
	}
	if (vmi_has(VMI_CALL_WRITE_GDT) && vmi_has(VMI_CALL_SET_LDT))
		cpu->set_ldt = vmi_set_ldt;
	if (vmi_has(VMI_CALL_WRITE_LDT))
		cpu->write_ldt_entry = vmi_write_ldt_entry;
	if (vmi_has(VMI_CALL_WRITE_IDT))
		cpu->write_idt_entry = vmi_write_idt_entry;
	if (vmi_has(VMI_CALL_SET_TR))
		cpu->load_tr_desc = vmi_load_tr_desc;
	if (vmi_has(VMI_CALL_KERNEL_STACK))
		cpu->load_sp0 = vmi_load_sp0;
	if (vmi_calls.jump[VMI_CALL_IRET])
		cpu->iret = (void *)vmi_calls.addr[VMI_CALL_IRET];
	else if (vmi_has(VMI_CALL_IRET))
		cpu->iret = vmi_iret_call;

	if (!memchr_inv(cpu, 0, sizeof(*cpu)))
		return false;

	/* Bound first: what is installed is in use at once. */
	vmi_cpuid_routine = (vmi_fn)vmi_calls.addr[VMI_CALL_CPUID];
	vmi_iret_routine = (vmi_fn)vmi_calls.addr[VMI_CALL_IRET];
	VMI_BIND(set_ldt, VMI_CALL_SET_LDT);
	VMI_BIND(set_tr, VMI_CALL_SET_TR);
	VMI_BIND(write_gdt, VMI_CALL_WRITE_GDT);
	VMI_BIND(write_ldt, VMI_CALL_WRITE_LDT);
	VMI_BIND(write_idt, VMI_CALL_WRITE_IDT);
	VMI_BIND(kernel_stack, VMI_CALL_KERNEL_STACK);
	return paravirt_install(&x86_hyper_vmi, PV_GROUP_CPU, &ops);
}

/* The three that inlined sites use are one thing. */
static void __init vmi_install_irq_ops(void)
{
	static struct paravirt_patch_template ops __initdata;
	struct pv_irq_ops *irq = &ops.irq;

	if (vmi_has(VMI_CALL_IRQ_GET) && vmi_has(VMI_CALL_IRQ_ENABLE) &&
	    vmi_has(VMI_CALL_IRQ_DISABLE)) {
		VMI_DIRECT(irq->save_fl.func, VMI_CALL_IRQ_GET);
		VMI_DIRECT(irq->irq_enable.func, VMI_CALL_IRQ_ENABLE);
		VMI_DIRECT(irq->irq_disable.func, VMI_CALL_IRQ_DISABLE);
	}
	VMI_DIRECT(irq->safe_halt, VMI_CALL_HALT);

	if (memchr_inv(irq, 0, sizeof(*irq)))
		paravirt_install(&x86_hyper_vmi, PV_GROUP_IRQ, &ops);
}

/**
 * vmi_cpu_install() - install what the ROM offers of the cpu and irq groups
 *
 * Boot CPU, interrupts off, before alternatives are applied.
 *
 * Return: whether the cpu group, and with it the context switch, is VMI's.
 */
bool __init vmi_cpu_install(void)
{
	bool has_cpu = vmi_install_cpu_ops();

	vmi_install_irq_ops();
	return has_cpu;
}
