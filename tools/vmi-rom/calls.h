/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The calls of VMI API 3.0, one line a call: number, name, group.
 *
 * The stubs, the dispatch tables, the names and the group table of the ROM
 * are all generated from this list, so that a call exists in every one of
 * them or in none.
 */
#ifndef VMI_ROM_CALLS_H
#define VMI_ROM_CALLS_H

#define GRP_CPU		0x01
#define GRP_IRQ		0x02
#define GRP_MMU		0x04
#define GRP_TIME	0x10
#define GRP_APIC	0x20

#define VMI_CALLS(X) \
	X(0, CPUID, GRP_CPU) \
	X(1, WRMSR, GRP_CPU) \
	X(2, RDMSR, GRP_CPU) \
	X(3, SetGDT, GRP_CPU) \
	X(4, SetLDT, GRP_CPU) \
	X(5, SetIDT, GRP_CPU) \
	X(6, SetTR, GRP_CPU) \
	X(7, GetGDT, GRP_CPU) \
	X(8, GetLDT, GRP_CPU) \
	X(9, GetIDT, GRP_CPU) \
	X(10, GetTR, GRP_CPU) \
	X(11, WriteGDTEntry, GRP_CPU) \
	X(12, WriteLDTEntry, GRP_CPU) \
	X(13, WriteIDTEntry, GRP_CPU) \
	X(14, UpdateKernelStack, GRP_CPU) \
	X(15, SetCR0, GRP_CPU) \
	X(16, SetCR2, GRP_MMU) \
	X(17, SetCR3, GRP_MMU) \
	X(18, SetCR4, GRP_CPU) \
	X(19, GetCR0, GRP_CPU) \
	X(20, GetCR2, GRP_MMU) \
	X(21, GetCR3, GRP_MMU) \
	X(22, GetCR4, GRP_CPU) \
	X(23, WBINVD, GRP_CPU) \
	X(24, SetDR, GRP_CPU) \
	X(25, GetDR, GRP_CPU) \
	X(26, RDPMC, GRP_CPU) \
	X(27, RDTSC, GRP_CPU) \
	X(28, CLTS, GRP_CPU) \
	X(29, EnableInterrupts, GRP_IRQ) \
	X(30, DisableInterrupts, GRP_IRQ) \
	X(31, GetInterruptMask, GRP_IRQ) \
	X(32, SetInterruptMask, GRP_IRQ) \
	X(33, IRET, GRP_CPU) \
	X(34, SYSEXIT, GRP_CPU) \
	X(35, Halt, GRP_IRQ) \
	X(36, Reboot, GRP_CPU) \
	X(37, Shutdown, GRP_CPU) \
	X(38, SetPxE, GRP_MMU) \
	X(39, SetPxELong, GRP_MMU) \
	X(40, UpdatePxE, GRP_MMU) \
	X(41, UpdatePxELong, GRP_MMU) \
	X(42, MachineToPhysical, GRP_MMU) \
	X(43, PhysicalToMachine, GRP_MMU) \
	X(44, AllocatePage, GRP_MMU) \
	X(45, ReleasePage, GRP_MMU) \
	X(46, InvalPage, GRP_MMU) \
	X(47, FlushTLB, GRP_MMU) \
	X(48, SetLinearMapping, GRP_MMU) \
	X(49, INL, GRP_CPU) \
	X(50, INB, GRP_CPU) \
	X(51, INW, GRP_CPU) \
	X(52, INSL, GRP_CPU) \
	X(53, INSB, GRP_CPU) \
	X(54, INSW, GRP_CPU) \
	X(55, OUTL, GRP_CPU) \
	X(56, OUTB, GRP_CPU) \
	X(57, OUTW, GRP_CPU) \
	X(58, OUTSL, GRP_CPU) \
	X(59, OUTSB, GRP_CPU) \
	X(60, OUTSW, GRP_CPU) \
	X(61, SetIOPLMask, GRP_CPU) \
	X(62, SetInitialAPState, GRP_APIC) \
	X(63, APICWrite, GRP_APIC) \
	X(64, APICRead, GRP_APIC) \
	X(65, IODelay, GRP_CPU) \
	X(66, GetCycleFrequency, GRP_TIME) \
	X(67, GetCycleCounter, GRP_TIME) \
	X(68, SetAlarm, GRP_TIME) \
	X(69, CancelAlarm, GRP_TIME) \
	X(70, GetWallclockTime, GRP_TIME) \
	X(71, WallclockUpdated, GRP_TIME) \
	X(72, SetCallbacks, GRP_CPU) \
	X(73, SetLazyMode, GRP_MMU)

#define VMI_NCALLS	74

#endif /* VMI_ROM_CALLS_H */
