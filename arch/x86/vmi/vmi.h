/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _X86_VMI_VMI_H
#define _X86_VMI_VMI_H
/*
 * Shared by the files of the VMI backend.
 *
 * Where the form of a pv operation is that of the ROM routine, the address of
 * the routine goes into pv_ops.  Where it is not, a C function takes the
 * arguments apart and uses a static call, which is patched to a jump to the
 * routine.
 */
#include <linux/static_call.h>
#include <linux/types.h>

#include <asm/hypervisor.h>
#include <asm/paravirt.h>
#include <asm/vmi.h>
#include <asm/vmi_abi.h>

#include "rom.h"

/* regparm(3) is the calling convention of the ROM, stack arguments included. */
typedef void (*vmi_fn)(void);

#define VMI_DECLARE_CALL(name, ret, ...)				\
	ret vmi_form_##name(__VA_ARGS__);				\
	DECLARE_STATIC_CALL(vmi_##name, vmi_form_##name)

#define VMI_DEFINE_CALL(name)						\
	DEFINE_STATIC_CALL_NULL(vmi_##name, vmi_form_##name)

/* A NULL static call returns at once: right for an answer of NOP. */
#define VMI_BIND(name, nr)						\
	static_call_update(vmi_##name, (void *)vmi_calls.addr[nr])

#define vmi_call(name, ...)	static_call(vmi_##name)(__VA_ARGS__)

extern struct vmi_calls vmi_calls;

/* The kernel's ring since vmi_init: the RPL that its SS and CS need */
extern unsigned int vmi_ring;

/* There was an exception in one of its calls: it is not to be called again. */
extern bool vmi_crashed;
extern struct hypervisor_x86 x86_hyper_vmi;

/* Is the call there; is it there, or has nothing to do? */
static inline bool vmi_has(unsigned int nr)
{
	return vmi_calls.addr[nr];
}

static inline bool vmi_has_or_nop(unsigned int nr)
{
	return vmi_calls.addr[nr] || vmi_calls.nop[nr];
}

/* Let the slot of a pv operation point to the routine, or to nothing. */
#define VMI_DIRECT(slot, nr)						\
	do {								\
		if (vmi_calls.nop[nr])					\
			(slot) = paravirt_nop;				\
		else if (vmi_calls.addr[nr])				\
			(slot) = (void *)vmi_calls.addr[nr];		\
	} while (0)

extern vmi_fn vmi_get_cr2_routine, vmi_iret_routine;

unsigned long vmi_read_cr2(void);
void vmi_iret_call(void);
u64 vmi_call_entry(u32 entry, u32 eax);
void vmi_entry_failed(void);
extern u32 vmi_entry_esp;

bool vmi_cpu_install(void);
void vmi_mmu_install(bool has_cpu);
void vmi_flush_lazy_mmu(void);
#ifdef CONFIG_X86_LOCAL_APIC
void vmi_apic_install(void);
void vmi_time_install(void);
#else
static inline void vmi_apic_install(void) { }
static inline void vmi_time_install(void) { }
#endif

#endif /* _X86_VMI_VMI_H */
