// SPDX-License-Identifier: GPL-2.0
/*
 * The monitor behind the variant that leaves the kernel at CPL 1.
 *
 * The CPU has descriptor tables, a TSS and a ring-0 stack of the monitor's,
 * kept in the shadow block. The guest's tables are copied there with ring 0
 * turned into ring 1. Its gates are taken by the hardware, straight from ring
 * 3 or 1 to ring 1; only general protection faults come here first, for the
 * privileged instructions that the guest left native, and for the ports that
 * it opened to its users.
 *
 * Virtual-8086 mode is not supported.
 */
#include "state.h"

#ifndef VMI_FAST

#define MON_AREA	0x40000
#define MON_BYTES	0x4000
#define GUEST_ENTRIES	(MON_GATE / 8)

#define EFLAGS_IF	0x200
#define EFLAGS_VM	0x20000
#define VECTOR_DF	8
#define VECTOR_GP	13
#define MSR_SYSENTER_CS	0x174

/**
 * struct mon - what a CPU runs on
 * @gdt: the guest's entries, then the monitor's own
 * @idt: the guest's gates, but for general protection and double fault
 * @halt_idt: in use while the CPU halts in ring 0
 * @tss: ring 0 stack of the monitor, ring 1 stack of the guest
 * @guest_gdt: what the guest loaded
 * @guest_idt: what the guest loaded
 * @tr: task register as the guest set it
 */
struct mon {
	u32 gdt[1024];
	u32 idt[512];
	u32 halt_idt[512];
	u32 tss[26];
	struct dtr guest_gdt;
	struct dtr guest_idt;
	u32 tr;
};

/* Registers as pushed by enter_c, then what the call gate left */
struct gate_frame {
	u32 es, ds, edi, esi, ebp, unused, ebx, edx, ecx, eax;
	u32 eip, cs, esp, ss;
};

struct gp_frame {
	u32 es, ds, edi, esi, ebp, unused, ebx, edx, ecx, eax;
	u32 error, eip, cs, eflags, esp, ss;
};

void mon_call(struct gate_frame *f);
void mon_gp(struct gp_frame *f);
void mon_fatal(struct gp_frame *f);
void mon_invoke(struct gate_frame *f, u32 eip, u32 s0, u32 s1);
void vmi_timer_poll(void);
extern const u8 mon_gate[], mon_gp_entry[], mon_fatal_entry[];
extern const u8 mon_rdmsr[], mon_wrmsr[], mon_msr_fault[], mon_vectors[];

static struct mon *mon_of(struct cpu *cpu)
{
	return (struct mon *)(globals()->shadow + MON_AREA +
			      (cpu - state()->cpus) * MON_BYTES);
}

static struct mon *mon(void)
{
	return mon_of(this_cpu());
}

bool mon_on(void)
{
	return globals()->cpl1;
}

/* Ring 0 code and data become ring 1. */
static u32 raise(u32 hi)
{
	return (hi & 0x7000) == 0x1000 ? hi | 0x2000 : hi;
}

static void set_descriptor(struct mon *m, u32 selector, u32 base, u32 limit,
			   u32 flags)
{
	u32 *d = &m->gdt[selector / 4];

	d[0] = base << 16 | (limit & 0xffff);
	d[1] = (base & 0xff000000) | (base >> 16 & 0xff) |
	       (limit & 0xf0000) | flags;
}

static void set_gate(u32 *d, u32 selector, const void *to, u32 flags)
{
	d[0] = selector << 16 | ((u32)to & 0xffff);
	d[1] = ((u32)to & 0xffff0000) | flags;
}

static void load(struct mon *m)
{
	struct dtr gdt = { sizeof(m->gdt) - 1, (u32)m->gdt };
	struct dtr idt = { sizeof(m->idt) - 1, (u32)m->idt };

	asm volatile("lgdt %0; lidt %1" : : "m" (gdt), "m" (idt));
}

void mon_set_gdt(const struct dtr *p)
{
	struct mon *m = mon();
	u32 *from = (u32 *)p->base, i;

	m->guest_gdt = *p;
	for (i = 0; i < GUEST_ENTRIES; i++) {
		bool there = i * 8 + 7 <= p->limit;

		m->gdt[i * 2] = there ? from[i * 2] : 0;
		m->gdt[i * 2 + 1] = there ? raise(from[i * 2 + 1]) : 0;
	}
	load(m);
}

static void copy_gate(struct mon *m, u32 i, u32 lo, u32 hi)
{
	u32 type = hi >> 8 & 0x1f;

	if (i == VECTOR_GP)
		set_gate(&m->idt[i * 2], MON_CS, mon_gp_entry, 0x8e00);
	else if (i == VECTOR_DF || ((hi & 0x8000) && type != 14 && type != 15))
		set_gate(&m->idt[i * 2], MON_CS, mon_fatal_entry, 0x8e00);
	else
		m->idt[i * 2] = lo, m->idt[i * 2 + 1] = hi;
}

void mon_set_idt(const struct dtr *p)
{
	struct mon *m = mon();
	u32 *from = (u32 *)p->base, i;

	m->guest_idt = *p;
	for (i = 0; i < 256; i++) {
		bool there = i * 8 + 7 <= p->limit;

		copy_gate(m, i, there ? from[i * 2] : 0,
			  there ? from[i * 2 + 1] : 0);
	}
	load(m);
}

void mon_get_gdt(struct dtr *p)
{
	*p = mon()->guest_gdt;
}

void mon_get_idt(struct dtr *p)
{
	*p = mon()->guest_idt;
}

void mon_set_tr(u32 selector)
{
	mon()->tr = selector;
}

u32 mon_get_tr(void)
{
	return mon()->tr;
}

void mon_set_stack(u32 ss, u32 esp)
{
	struct mon *m = mon();

	m->tss[3] = esp;
	m->tss[4] = ss | 1;
}

/* The tables may be written through an alias: compare where they are. */
void mon_write_entry(u32 base, u32 index, u32 lo, u32 hi)
{
	struct state *s = state();
	u32 phys = virt_to_phys(base), i;

	for (i = 0; i < s->g.ncpus; i++) {
		struct mon *m = mon_of(&s->cpus[i]);

		if (index < GUEST_ENTRIES && m->guest_gdt.base &&
		    virt_to_phys(m->guest_gdt.base) == phys) {
			m->gdt[index * 2] = lo;
			m->gdt[index * 2 + 1] = raise(hi);
		}
		if (index < 256 && m->guest_idt.base &&
		    virt_to_phys(m->guest_idt.base) == phys)
			copy_gate(m, index, lo, hi);
	}
}

/* Take the CPU over: called in ring 0 on the guest's own tables. */
void mon_start(struct cpu *cpu)
{
	struct mon *m = mon_of(cpu);
	struct dtr gdt, idt;
	u32 i;

	asm volatile("sgdt %0; sidt %1" : "=m" (gdt), "=m" (idt));
	for (i = 0; cpu == state()->cpus && i < MAX_CPUS; i++) {
		mon_of(cpu + i)->guest_gdt.base = 0;
		mon_of(cpu + i)->guest_idt.base = 0;
	}
	for (i = 0; i < 26; i++)
		m->tss[i] = 0;
	m->tss[1] = (u32)m + MON_BYTES;
	m->tss[2] = MON_DS;
	m->tss[25] = 104 << 16;
	set_descriptor(m, MON_CS, 0, 0xfffff, 0xc09b00);
	set_descriptor(m, MON_DS, 0, 0xfffff, 0xc09300);
	set_descriptor(m, MON_TSS, (u32)m->tss, 103, 0x8900);
	set_gate(&m->gdt[MON_GATE / 4], MON_CS, mon_gate, 0xac00);
	for (i = 0; i < 256; i++)
		set_gate(&m->halt_idt[i * 2], MON_CS, mon_vectors + i * 16,
			 0x8e00);
	mon_set_gdt(&gdt);
	mon_set_idt(&idt);
	asm volatile("ltr %w0" : : "r" (MON_TSS));
	asm volatile("wrmsr" : : "c" (MSR_SYSENTER_CS), "a" (0), "d" (0));
}

void mon_fatal(struct gp_frame *f)
{
	print("vmi-rom: monitor: fault in ring 0 at ");
	print_hex(f->eip);
	print(" cs ");
	print_hex(f->cs);
	print(" error ");
	print_hex(f->error);
	print("\n");
	for (;;)
		asm volatile("cli; hlt");
}

/*
 * Push an interrupt frame on the guest's stack and go to its handler. From
 * ring 3 the stack is that of ring 1.
 */
static void deliver(struct gp_frame *f, u32 vector, bool has_error)
{
	struct mon *m = mon();
	u32 *gate = (u32 *)(m->guest_idt.base + vector * 8), *sp;

	if ((f->cs & 3) == 3 || (f->eflags & EFLAGS_VM)) {
		sp = (u32 *)m->tss[3];
		*--sp = f->ss;
		*--sp = f->esp;
		f->ss = m->tss[4];
	} else {
		sp = (u32 *)f->esp;
	}
	*--sp = f->eflags;
	*--sp = f->cs;
	*--sp = f->eip;
	if (has_error)
		*--sp = f->error;
	f->esp = (u32)sp;
	f->eip = (gate[0] & 0xffff) | (gate[1] & 0xffff0000);
	f->cs = (gate[0] >> 16) | 1;
	f->eflags &= ~0x14100;
	if (!(gate[1] & 0x100))
		f->eflags &= ~EFLAGS_IF;
}

static u32 halt(struct mon *m)
{
	struct dtr idt = { sizeof(m->halt_idt) - 1, (u32)m->halt_idt };
	u32 vector = 0;

	vmi_timer_poll();
	asm volatile("lidt %1; sti; hlt" : "+a" (vector) : "m" (idt)
		     : "memory", "cc");
	load(m);
	return vector;
}

/* Halt: the interrupt that ends it is delivered before the call returns. */
static void gate_halt(struct gate_frame *f, u32 *stack)
{
	struct mon *m = mon();
	u32 vector, *gate, *sp;

	lock_inc(&globals()->stats.calls[35]);
	stack[1] |= EFLAGS_IF;
	vector = halt(m);
	gate = (u32 *)(m->guest_idt.base + vector * 8);
	sp = (u32 *)f->esp;
	/* IOPL 1, interrupts off: as in the stub that goes on after it */
	*--sp = 0x1002;
	*--sp = f->cs;
	*--sp = f->eip;
	f->esp = (u32)sp;
	f->eip = (gate[0] & 0xffff) | (gate[1] & 0xffff0000);
	f->cs = (gate[0] >> 16) | 1;
}

/* The guest's stack: number, flags, return address, arguments */
void mon_call(struct gate_frame *f)
{
	u32 *stack = (u32 *)f->esp, nr = stack[0];

	if (nr >= VMI_NCALLS)
		return;
	if (nr == 35)
		gate_halt(f, stack);
	else if (nr == 1 && f->ecx == MSR_SYSENTER_CS)
		lock_inc(&globals()->stats.calls[nr]);
	else
		mon_invoke(f, globals()->rom + stub_table[nr], stack[3], stack[4]);
}

/* Privileged instructions */

static u32 *reg(struct gp_frame *f, u32 n)
{
	u32 *regs[8];

	regs[0] = &f->eax;
	regs[1] = &f->ecx;
	regs[2] = &f->edx;
	regs[3] = &f->ebx;
	regs[4] = &f->esp;
	regs[5] = &f->ebp;
	regs[6] = &f->esi;
	regs[7] = &f->edi;
	return regs[n];
}

/* The address of a memory operand; moves the pointer behind it. */
static u32 operand(struct gp_frame *f, const u8 **ip)
{
	const u8 *p = *ip;
	u32 modrm = *p++, mod = modrm >> 6, rm = modrm & 7, a = 0, sib;

	if (rm == 4) {
		sib = *p++;
		if ((sib >> 3 & 7) != 4)
			a = *reg(f, sib >> 3 & 7) << (sib >> 6);
		rm = sib & 7;
	}
	if (rm == 5 && !mod)
		mod = 2;
	else
		a += *reg(f, rm);
	if (mod == 1) {
		a += *(const signed char *)p;
		p++;
	} else if (mod == 2) {
		a += *(const u32 *)p;
		p += 4;
	}
	*ip = p;
	return a;
}

static bool emulate_msr(struct gp_frame *f, bool write)
{
	u32 fault = 0;

	if (write && f->ecx == MSR_SYSENTER_CS)
		return true;
	if (write)
		asm volatile("call *%1" : "+S" (fault)
			     : "r" (mon_wrmsr), "a" (f->eax), "d" (f->edx),
			       "c" (f->ecx) : "memory", "cc");
	else
		asm volatile("call *%3" : "+S" (fault), "=a" (f->eax),
			     "=d" (f->edx) : "r" (mon_rdmsr), "c" (f->ecx)
			     : "memory", "cc");
	return !fault;
}

void vmi_SetCR0(u32 v);
void vmi_SetCR3(u32 v);
void vmi_SetCR4(u32 v);
void vmi_SetDR(u32 nr, u32 v);
u32 vmi_GetDR(u32 nr);
void vmi_SetLDT(u32 selector);
void vmi_InvalPage(u32 va);

static void emulate_cr(struct gp_frame *f, u32 op, u32 modrm)
{
	u32 *r = reg(f, modrm & 7), n = modrm >> 3 & 7;

	if (op == 0x20)
		*r = n == 0 ? read_cr0() : n == 2 ? read_cr2() :
		     n == 3 ? read_cr3() : read_cr4();
	else if (op == 0x21)
		*r = vmi_GetDR(n);
	else if (op == 0x23)
		vmi_SetDR(n, *r);
	else if (n == 0)
		vmi_SetCR0(*r);
	else if (n == 2)
		write_cr2(*r);
	else if (n == 3)
		write_cr3(*r);
	else if (n == 4)
		vmi_SetCR4(*r);
}

/* Two-byte opcodes 0f 00 and 0f 01: descriptor tables, INVLPG */
static bool emulate_table(struct gp_frame *f, u32 op, const u8 **ip)
{
	u32 modrm = **ip, what = modrm >> 3 & 7, a;
	bool is_reg = modrm >= 0xc0;

	if (op == 1 && modrm == 0xd1) {
		++*ip;
		asm volatile("xsetbv" : : "a" (f->eax), "d" (f->edx),
			     "c" (f->ecx));
		return true;
	}
	if (op == 1 && is_reg)
		return false;
	if (is_reg) {
		a = *reg(f, modrm & 7);
		++*ip;
	} else {
		a = operand(f, ip);
		if (!op)
			a = *(u16 *)a;
	}
	if (!op && what == 2)
		vmi_SetLDT(a & 0xffff);
	else if (!op && what == 3)
		mon_set_tr(a & 0xffff);
	else if (op && what == 2)
		mon_set_gdt((struct dtr *)a);
	else if (op && what == 3)
		mon_set_idt((struct dtr *)a);
	else if (op && what == 7)
		asm volatile("invlpg (%0)" : : "r" (a) : "memory");
	else
		return false;
	return true;
}

/* May ring 3 use the ports?  The I/O bitmap of the guest's TSS says so. */
static bool ports_open(u32 port, u32 n)
{
	struct mon *m = mon();
	u32 *d = (u32 *)(m->guest_gdt.base + (m->tr & ~7)), base, limit, at;

	if (!m->tr || (m->tr | 7) > m->guest_gdt.limit)
		return false;
	base = d[0] >> 16 | (d[1] & 0xff) << 16 | (d[1] & 0xff000000);
	limit = (d[0] & 0xffff) | (d[1] & 0xf0000);
	at = *(u16 *)(base + 102) + port / 8;
	/* The CPU reads two bytes, too. */
	if (at + 1 > limit)
		return false;
	return !(*(u16 *)(base + at) >> port % 8 & ((1 << n) - 1));
}

/* IN and OUT of ring 3; its INS and OUTS stay forbidden. */
static bool emulate_io(struct gp_frame *f)
{
	const u8 *ip = (const u8 *)f->eip;
	u32 op, port, n;
	bool word = *ip == 0x66;

	ip += word;
	op = *ip++;
	if ((op & 0xf4) != 0xe4)
		return false;
	port = op & 8 ? f->edx & 0xffff : *ip++;
	n = op & 1 ? word ? 2 : 4 : 1;
	if (!ports_open(port, n))
		return false;

	if (op & 2 && n == 1)
		asm volatile("outb %b0, %w1" : : "a" (f->eax), "d" (port));
	else if (op & 2 && n == 2)
		asm volatile("outw %w0, %w1" : : "a" (f->eax), "d" (port));
	else if (op & 2)
		asm volatile("outl %0, %w1" : : "a" (f->eax), "d" (port));
	else if (n == 1)
		asm volatile("inb %w1, %b0" : "+a" (f->eax) : "d" (port));
	else if (n == 2)
		asm volatile("inw %w1, %w0" : "+a" (f->eax) : "d" (port));
	else
		asm volatile("inl %w1, %0" : "+a" (f->eax) : "d" (port));
	f->eip = (u32)ip;
	return true;
}

static bool emulate(struct gp_frame *f)
{
	const u8 *ip = (const u8 *)f->eip;
	u32 op, vector;

	/* Prefixes of flat segments: kernels pad patched instructions so. */
	while (ip < (const u8 *)f->eip + 14 &&
	       (*ip == 0x26 || *ip == 0x2e || *ip == 0x36 || *ip == 0x3e))
		ip++;
	if (*ip == 0xf4) {
		f->eip = (u32)ip + 1;
		vector = halt(mon());
		f->eflags |= EFLAGS_IF;
		deliver(f, vector, false);
		return true;
	}
	/* A repeated or widened form of one of these does not exist. */
	if (*ip++ != 0x0f)
		return false;
	op = *ip++;
	if (op <= 1) {
		if (!emulate_table(f, op, &ip))
			return false;
	} else if (op >= 0x20 && op <= 0x23) {
		emulate_cr(f, op, *ip++);
	} else if (op == 0x30 || op == 0x32) {
		if (!emulate_msr(f, op == 0x30))
			return false;
	} else if (op == 0x06) {
		asm volatile("clts");
	} else if (op == 0x08 || op == 0x09) {
		asm volatile("wbinvd");
	} else {
		return false;
	}
	f->eip = (u32)ip;
	return true;
}

void mon_gp(struct gp_frame *f)
{
	if (!(f->cs & 3) && !(f->eflags & EFLAGS_VM)) {
		if (f->eip != (u32)mon_rdmsr && f->eip != (u32)mon_wrmsr)
			mon_fatal(f);
		f->eip = (u32)mon_msr_fault;
		return;
	}
	if (f->eflags & EFLAGS_VM)
		mon_fatal(f);
	if ((f->cs & 3) == 1 && !f->error && emulate(f))
		return;
	if ((f->cs & 7) == 3 && !f->error && emulate_io(f))
		return;
	deliver(f, VECTOR_GP, true);
}

#endif
