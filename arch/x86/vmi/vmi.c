// SPDX-License-Identifier: GPL-2.0
/*
 * Guest of a VMI option ROM: how the ROM is found and taken into use.
 *
 * 1. vmi_probe(), before anything is mapped at the top of the address space:
 *    looks for a ROM that is good and reserves what is the hypervisor's.
 * 2. vmi_detect(), when the table of hypervisors is asked: runs vmi_init in
 *    the ROM, asks it for the address of each routine and checks them all.
 * 3. vmi_init_platform(): installs the operations, a group at a time.
 *
 * Up to the last step the kernel is native and stays so if anything is wrong.
 */
#define pr_fmt(fmt) "vmi: " fmt

#include <linux/apm_bios.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/panic.h>
#include <linux/pgtable.h>
#include <linux/printk.h>
#include <linux/processor.h>
#include <linux/sched/task_stack.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <asm/alternative.h>
#include <asm/desc.h>
#include <asm/fixmap.h>
#include <asm/idtentry.h>
#include <asm/page.h>
#include <asm/paravirt_groups.h>
#include <asm/ptrace.h>
#include <asm/setup.h>
#include <asm/text-patching.h>
#include <asm/timer.h>
#include <asm/tlbflush.h>
#include <asm/trapnr.h>

#include "vmi.h"

/* Linear addresses; both 0 until vmi_init has succeeded */
u32 vmi_rom_start __ro_after_init;
u32 vmi_rom_end __ro_after_init;

struct vmi_calls vmi_calls __ro_after_init;

unsigned int vmi_ring __ro_after_init;

bool vmi_crashed;

static struct vmi_rom vmi_rom __initdata;

/**
 * vmi_probe() - look for a VMI option ROM and make room for its hypervisor
 *
 * Boot CPU, start of setup_arch(): the page tables of the boot code map the
 * first megabyte, and no fixed mapping has been used yet.  Nothing of the ROM
 * is executed.  A ROM that is refused is named on the console.
 */
void __init vmi_probe(void)
{
	const char *wrong;
	u32 phys;

	/* Xen PV is in place by now, and has no firmware. */
	if (pv_groups[PV_GROUP_CPU].owner)
		return;

	for (phys = VMI_WINDOW_START; phys < VMI_WINDOW_END;
	     phys += VMI_WINDOW_STEP) {
		void *rom = __va(phys);

		if (!vmi_rom_is_candidate(rom, VMI_WINDOW_END - phys))
			continue;
		wrong = vmi_rom_check(rom, phys, VMI_WINDOW_END - phys,
				      &vmi_rom);
		if (!wrong)
			break;
		vmi_rom.phys = 0;
		pr_warn("ROM at 0x%x refused: %s; going on without it\n", phys,
			wrong);
	}

	if (!vmi_rom.phys)
		return;

	pr_info("ROM at 0x%x, %u KB, version %u.%u, API 3.%u: %s %s\n",
		vmi_rom.phys, vmi_rom.size / 1024, vmi_rom.rom_major,
		vmi_rom.rom_minor, vmi_rom.api_minor,
		vmi_rom.manufacturer ?: "unknown", vmi_rom.product ?: "");
	if (vmi_rom.vendor != VMI_PCI_VENDOR ||
	    vmi_rom.device != VMI_PCI_DEVICE)
		pr_info("unusual PCI identification %04x:%04x\n",
			vmi_rom.vendor, vmi_rom.device);
	if (vmi_rom.virtual_top)
		reserve_top_address(-vmi_rom.virtual_top);
}

/* The exception that ended a call to an entry point, -1 for none */
static int vmi_entry_trap __initdata = -1;

/* Ask for each routine.  Return: NULL, or what is wrong. */
static const char * __init vmi_get_calls(u32 base, u32 *nr)
{
	const char *wrong;
	u64 reloc;

	for (*nr = 0; *nr < VMI_NR_CALLS; ++*nr) {
		reloc = vmi_call_entry(base + offsetof(struct vmi_rom_header,
						       get_reloc), *nr);
		if (vmi_entry_trap >= 0)
			return "get_reloc ends in an exception";
		wrong = vmi_reloc_check(*nr, reloc, base, vmi_rom.size,
					&vmi_calls);
		if (wrong)
			return wrong;
	}
	return NULL;
}

/*
 * Outside of ring 0 some instructions do not trap, but give wrong answers, and
 * a CPU that starts by itself starts in ring 0: what has to be a call then.
 * Return: NULL, or what is wrong with call @nr.
 */
static const char * __init vmi_missing_call(u32 *nr)
{
	static const u8 needed[] __initconst = {
		VMI_CALL_CPUID, VMI_CALL_SET_GDT, VMI_CALL_SET_IDT,
		VMI_CALL_SET_LDT, VMI_CALL_SET_TR, VMI_CALL_GET_TR,
		VMI_CALL_WRITE_GDT, VMI_CALL_WRITE_LDT, VMI_CALL_WRITE_IDT,
		VMI_CALL_IRQ_GET, VMI_CALL_IRQ_ENABLE, VMI_CALL_IRQ_DISABLE,
		VMI_CALL_IRET, VMI_CALL_KERNEL_STACK, VMI_CALL_APIC_READ,
		VMI_CALL_APIC_WRITE, VMI_CALL_AP_STATE,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(needed); i++) {
		*nr = needed[i];
		if (!vmi_has(*nr))
			return "not there";
	}
	return NULL;
}

/* Run vmi_init.  Return: whether the ROM is at work. */
static bool __init vmi_start_rom(u32 base)
{
	u32 err;
	u16 cs;

	/* The ROM looks at the features that page tables are made of. */
	if (boot_cpu_has(X86_FEATURE_PSE))
		cr4_set_bits(X86_CR4_PSE);

	err = vmi_call_entry(base + offsetof(struct vmi_rom_header, init), 0);
	savesegment(cs, cs);
	vmi_ring = cs & SEGMENT_RPL_MASK;
	if (vmi_entry_trap >= 0) {
		pr_warn("exception %d while the ROM started; booting natively\n",
			vmi_entry_trap);
		return false;
	}
	if (err && vmi_ring)
		panic("vmi: the ROM failed to start (%u), and the kernel is in ring %u",
		      err, vmi_ring);
	if (err)
		pr_warn("the ROM failed to start (%u); booting natively\n",
			err);
	return !err;
}

/* Return: whether there is a ROM, and it is in use from now on. */
static uint32_t __init vmi_detect(void)
{
	const char *wrong;
	u32 base, nr;

	if (!vmi_rom.phys)
		return 0;

	base = (u32)__va(vmi_rom.phys);
	if (!vmi_start_rom(base))
		return 0;

	wrong = vmi_get_calls(base, &nr);
	if (!wrong && vmi_ring)
		wrong = vmi_missing_call(&nr);
	if (wrong && vmi_ring)
		panic("vmi: call %u: %s, and the kernel is in ring %u", nr,
		      wrong, vmi_ring);
	if (wrong) {
		pr_warn("call %u: %s; booting natively\n", nr, wrong);
		memset(&vmi_calls, 0, sizeof(vmi_calls));
		return 0;
	}
	if (vmi_ring) {
		pr_info("the kernel runs in ring %u\n", vmi_ring);
		x86_hyper_vmi.pv_requires = PV_CPU | PV_IRQ | PV_APIC;
		x86_hyper_vmi.pv_reason = "the ROM took the kernel out of ring 0";
	}

	vmi_rom_start = base;
	vmi_rom_end = base + vmi_rom.size;
	return U32_MAX;
}

static void __init vmi_init_platform(void)
{
	bool has_cpu;

	pv_info.name = "VMI";
	has_cpu = vmi_cpu_install();
	vmi_mmu_install(has_cpu);
	vmi_apic_install();
	vmi_time_install();
	/* Services of the BIOS have descriptors that are written natively. */
	if (has_cpu) {
		x86_platform.legacy.devices.pnpbios = 0;
		apm_info.bios.version = 0;
	}
#ifdef CONFIG_X86_IO_APIC
	/* It counts cycles, while the hypervisor may have other guests. */
	no_timer_check = 1;
#endif
}

/*
 * How far behind the start of a routine, in bytes, an exception is likely to be
 * in it, and how far up the stack, in words, its return address is.
 */
#define VMI_NEAR	256
#define VMI_DEEP	128

/* The calls up to @last that are above the range before */
struct vmi_call_range {
	u8 last;
	u8 group;
};

static enum pv_group vmi_call_group(u32 nr)
{
	static const struct vmi_call_range groups[] = {
		{ VMI_CALL_SET_CR0,		PV_GROUP_CPU },
		{ VMI_CALL_SET_CR3,		PV_GROUP_MMU },
		{ VMI_CALL_GET_CR0,		PV_GROUP_CPU },
		{ VMI_CALL_GET_CR3,		PV_GROUP_MMU },
		{ VMI_CALL_IRQ_ENABLE - 1,	PV_GROUP_CPU },
		{ VMI_CALL_IRQ_GET + 1,		PV_GROUP_IRQ },
		{ VMI_CALL_SYSEXIT,		PV_GROUP_CPU },
		{ VMI_CALL_HALT,		PV_GROUP_IRQ },
		{ VMI_CALL_SHUTDOWN,		PV_GROUP_CPU },
		{ VMI_CALL_LINEAR_MAPPING,	PV_GROUP_MMU },
		{ VMI_CALL_AP_STATE - 1,	PV_GROUP_CPU },
		{ VMI_CALL_APIC_READ,		PV_GROUP_APIC },
		{ VMI_CALL_IO_DELAY,		PV_GROUP_CPU },
		{ VMI_CALL_WALLCLOCK + 1,	PV_GROUP_TIME },
		{ VMI_NR_CALLS - 1,		PV_GROUP_MMU },
	};
	unsigned int i = 0;

	while (nr > groups[i].last)
		i++;
	return groups[i].group;
}

/*
 * Which call has its routine at @addr, or as close before it as @room bytes?
 * Return: its number, the lowest if routines are shared, or VMI_NR_CALLS.
 */
static u32 vmi_call_at(unsigned long addr, unsigned long room)
{
	u32 nr, found = VMI_NR_CALLS;

	for (nr = VMI_NR_CALLS; nr-- > 0; ) {
		if (!vmi_calls.addr[nr] || vmi_calls.addr[nr] > addr ||
		    addr - vmi_calls.addr[nr] > room)
			continue;
		room = addr - vmi_calls.addr[nr];
		found = nr;
	}
	return found;
}

/*
 * Before there are modules, their list is not asked for: preemption is off
 * meanwhile, and to enable it may need what crashes.
 */
static bool vmi_is_text(unsigned long addr)
{
	return core_kernel_text(addr) ||
	       (system_state >= SYSTEM_FREEING_INITMEM &&
		is_module_text_address(addr));
}

/* Where does the jump or call with a 32-bit distance before @next go? */
static unsigned long vmi_target_before(unsigned long next, u8 opcode)
{
	u8 insn[1 + sizeof(s32)];
	s32 distance;

	if (!vmi_is_text(next - sizeof(insn)) ||
	    copy_from_kernel_nofault(insn, (void *)next - sizeof(insn),
				     sizeof(insn)) ||
	    insn[0] != opcode)
		return 0;
	memcpy(&distance, insn + 1, sizeof(distance));
	return next + distance;
}

/* What was called, if the instruction before @ret is a call? */
static unsigned long vmi_called_before(unsigned long ret)
{
	unsigned long to = vmi_target_before(ret, CALL_INSN_OPCODE);
	u8 insn[2 + sizeof(u32)];
	u32 slot;

	/* A static call goes by way of a jump. */
	if (to)
		return vmi_target_before(to + JMP32_INSN_SIZE,
					 JMP32_INSN_OPCODE) ?: to;
	/* Through memory, which call sites do until they are patched */
	if (!vmi_is_text(ret - sizeof(insn)) ||
	    copy_from_kernel_nofault(insn, (void *)ret - sizeof(insn),
				     sizeof(insn)) ||
	    insn[0] != 0xff || insn[1] != 0x15)
		return 0;
	memcpy(&slot, insn + 2, sizeof(slot));
	return get_kernel_nofault(to, (unsigned long *)slot) ? 0 : to;
}

/* Flags that are always 0, and the one that is always 1 */
#define VMI_NO_FLAGS	0xffc08028
#define VMI_FLAGS	(VMI_NO_FLAGS | X86_EFLAGS_FIXED)

/* Does the stack begin with what an IRET of the kernel returns by? */
static bool vmi_is_frame(unsigned long sp)
{
	unsigned long cs, flags;

	return !get_kernel_nofault(cs, (unsigned long *)sp + 1) &&
	       !get_kernel_nofault(flags, (unsigned long *)sp + 2) &&
	       ((u16)cs == __USER_CS ||
		(u16)cs == (__KERNEL_CS | vmi_ring)) &&
	       (flags & VMI_FLAGS) == X86_EFLAGS_FIXED;
}

/*
 * Which call was made?  An exception at the start of a routine tells.  Further
 * on, that is a guess, since a routine may be anywhere in the ROM and share code
 * with others: IRET is jumped to, so what is close behind it is likely to be in
 * it; another has left its return address on the stack.  Where there is neither,
 * a frame to return to says IRET again.
 *
 * The frame of an early exception has no stack pointer, the stack just goes on
 * there.  In a later one there are only registers between it and the stack.
 */
static u32 vmi_which_call(struct pt_regs *regs)
{
	unsigned long *sp = &regs->sp, *end = sp + VMI_DEEP, word;
	u32 near = vmi_call_at(regs->ip, VMI_NEAR);
	u32 nr = near == VMI_CALL_IRET ? near : vmi_call_at(regs->ip, 0);

	for (; nr == VMI_NR_CALLS && sp < end && !kstack_end(sp); sp++) {
		if (get_kernel_nofault(word, sp))
			break;
		nr = vmi_call_at(vmi_called_before(word), 0);
	}
	if (nr == VMI_NR_CALLS)
		nr = near;
	if (nr == VMI_NR_CALLS && vmi_has(VMI_CALL_IRET) &&
	    alternatives_patched && vmi_is_frame(regs->sp))
		nr = VMI_CALL_IRET;
	return nr;
}

/* The first CPU that found out, or -1 */
static int vmi_crashed_cpu = -1;

/*
 * To say what happened takes a console, which takes the interrupt flag and the
 * clock; the kernel's text is patched to call them.  So a call that crashes on
 * the CPU that is about to say it returns at once: flags in which interrupts are
 * off, or 0.
 *
 * Only one that has nothing on the stack but where it came from: of another it
 * is not known which registers it has changed.  Not IRET, whose frame may look
 * the same: to return from the exception takes another one.
 */
static bool vmi_skip_call(struct pt_regs *regs)
{
	unsigned long ret;
	u32 nr;

	if (vmi_crashed_cpu != raw_smp_processor_id() ||
	    get_kernel_nofault(ret, (unsigned long *)regs->sp) ||
	    vmi_is_frame(regs->sp) ||
	    vmi_call_at(regs->ip, VMI_NEAR) == VMI_CALL_IRET)
		return false;
	nr = vmi_call_at(vmi_called_before(ret), 0);
	if (nr == VMI_NR_CALLS)
		return false;
	regs->ip = ret;
	regs->sp += sizeof(ret);
	/* All but the result is preserved by the calls for the flag. */
	if (vmi_call_group(nr) != PV_GROUP_IRQ || nr == VMI_CALL_IRQ_GET)
		regs->ax = 0;
	if (vmi_call_group(nr) != PV_GROUP_IRQ)
		regs->dx = 0;
	return true;
}

/*
 * Nothing is to be had from a kernel that lost a part of its CPU: end it, and
 * say which call it was and what helps.  Return: if this CPU is saying so, and
 * can go on with that.
 */
static void vmi_panic(struct pt_regs *regs, int trapnr)
{
	int cpu = raw_smp_processor_id();
	enum pv_group group;
	u32 nr;

	/* Nothing else may run here: it could make the same call. */
	if (!vmi_ring)
		native_irq_disable();
	if (cmpxchg(&vmi_crashed_cpu, -1, cpu) != -1) {
		if (alternatives_patched && vmi_skip_call(regs))
			return;
		while (true)
			native_halt();
	}
	vmi_crashed = true;
	nr = vmi_which_call(regs);
	if (system_state < SYSTEM_FREEING_INITMEM)
		pv_ops = pv_native_ops;

	if (nr == VMI_NR_CALLS)
		panic("vmi: exception %d in the ROM, in a call that cannot be told; try paravirt_disable=all",
		      trapnr);
	group = vmi_call_group(nr);
	panic("vmi: exception %d %s call %u of the ROM; %sparavirt_disable=%s%s",
	      trapnr,
	      regs->ip == vmi_calls.addr[nr] ? "in" : "probably in", nr,
	      paravirt_required(group) ? "" : "try ", pv_group_names[group],
	      paravirt_required(group) ? " is no way out, though" : "");
}

/*
 * An exception while an entry point of the ROM runs: go back to the caller, as
 * long as it is still in the ring that it called from.
 */
static bool __init vmi_fixup_entry(struct pt_regs *regs, int trapnr)
{
	if (regs->cs & SEGMENT_RPL_MASK)
		panic("vmi: exception %d while the ROM started, and the kernel is in ring %d",
		      trapnr, regs->cs & SEGMENT_RPL_MASK);
	vmi_entry_trap = trapnr;
	regs->ip = (unsigned long)vmi_entry_failed;
	return true;
}

/*
 * The native IRET has an exception table entry; the ROM's is at an address that
 * only the ROM knows.  It is told from any other fault in the ROM by its stack:
 * nothing else leaves the frame for user mode at the top of the task's stack,
 * which is the entry stack too if the backend owns it.
 */
static bool vmi_fixup_iret(struct pt_regs *regs, int trapnr)
{
	unsigned long used = current->thread.sp0 - regs->sp;

	if (trapnr != X86_TRAP_GP && trapnr != X86_TRAP_SS &&
	    trapnr != X86_TRAP_NP)
		return false;
	/* Five words, and four segments from virtual-8086 mode */
	if (used != 5 * sizeof(long) && used != 9 * sizeof(long))
		return false;
	regs->ip = (unsigned long)asm_iret_error;
	return true;
}

/**
 * vmi_fixup_exception() - handle a fault that the ROM may have
 * @regs:	of the exception
 * @trapnr:	vector
 *
 * Exception context.  Two places may fault: an entry point while the ROM is
 * taken into use, and the return to user mode.  Anywhere else in the ROM an
 * exception is the end of the kernel.
 *
 * Return: whether @regs now go on where the fault is handled.
 */
bool __ref vmi_fixup_exception(struct pt_regs *regs, int trapnr)
{
	if (user_mode(regs))
		return false;
	if (system_state == SYSTEM_BOOTING && vmi_entry_esp)
		return vmi_fixup_entry(regs, trapnr);
	if (!vmi_is_rom(regs->ip))
		return false;
	if (!vmi_fixup_iret(regs, trapnr))
		vmi_panic(regs, trapnr);
	return true;
}

/**
 * x86_hyper_vmi - the row of the backend table
 *
 * In ring 0 nothing is required.  vmi_detect() fills in what is in other rings.
 */
struct hypervisor_x86 x86_hyper_vmi __ro_after_init = {
	.name			= "VMI",
	.detect			= vmi_detect,
	.type			= X86_HYPER_VMI,
	.init.init_platform	= vmi_init_platform,
	.pv_provides		= PV_CPU | PV_IRQ | PV_MMU | PV_TIME | PV_APIC,
};
