// SPDX-License-Identifier: GPL-2.0
/*
 * Bare-metal guest that exercises a VMI ROM and reports in TAP on COM1.
 *
 * The command line says what to expect: "pae" for PAE paging, "smp" for a
 * second CPU, "moved" for a ROM that does not start on a page, "small" when
 * there is no memory for the shadow, "fast" for a ROM that does not check, and
 * the name of a variant.
 */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#include "../calls.h"
#include "../violations.h"

#define OFFSET		0xc0000000
#define APIC		0xfea00000
#define USER_PAGE	0x08048000
#define POOL		0x00800000
#define KDS		0x10

#define PTE		3
#define PT		1
#define PD		2
#define PDP		4
#define PAE		0x10
#define CLONE		0x20
#define ZEROED		0x40
#define CURRENT		0x10
#define DEFER		0x20

#define X(nr, name, group) NR_##name = nr,
enum { VMI_CALLS(X) };
#undef X
#define X(nr, name, group) #name,
static const char *const call_names[] = { VMI_CALLS(X) };
#undef X
#define X(nr, name, group) group,
static const u8 call_groups[] = { VMI_CALLS(X) };
#undef X

struct regs {
	u32 eax, edx, ecx, ebx, esi, edi, s0, s1, eip, ebp, flags, esp_moved;
};

struct trap {
	u32 es, ds, edi, esi, ebp, esp, ebx, edx, ecx, eax;
	u32 vector, error, eip, cs, flags;
};

struct stats {
	char magic[8];
	u32 ncalls, nviolations, total, inits, relocs, cpus;
	u32 tracked, tracked_max, untracked, flushes, deferred, scans;
	u32 reserved, pending;
	u32 calls[80], violations[32], last[5], rounds, cpus_lost;
};

struct ap_state {
	u32 cr0, cr2, cr3, cr4;
	u64 efer;
	u32 eip, eflags, eax, ebx, ecx, edx, esp, ebp, esi, edi;
	u16 cs, ss, ds, es, fs, gs, ldtr, gdt_limit;
	u32 gdt_base, idt_base;
	u16 idt_limit, pad;
};

struct dtr {
	u16 limit;
	u32 base;
} __attribute__((packed));

extern u32 pae, user_flags, user_stack_seen, user_cs_seen, user_flags_seen;
extern u32 ap_eax, ap_ebx, ap_edi, ap_esp, call_esp;
extern u32 boot_pd[], boot_pt[], boot_pdpt[], apic_pt[];
extern u32 gdt[];
extern struct dtr gdtr;
extern u8 vectors[], user_code[], user_code_end[], vector_128[], ap_start[];
extern u8 rom_call_resume[], fault_here[];
void rom_call(struct regs *r);
u32 enter_user(u32 how, u32 rom_eip, u32 eip, u32 esp);
void iret_kernel(u32 rom_eip);
void iret_called(u32 rom_eip);
void guest_main(u32 *multiboot);
void ap_main(void);
void on_vector(struct trap *t);

static const char *cmdline;
static u8 *rom;
static struct stats *stats;
static u64 reloc[VMI_NCALLS];
static volatile u32 irqs[64];
static u32 faults, fault_eip, fault_vector;
static volatile u32 expect_fault;
static volatile u64 irq_when;
static volatile u32 ap_alive, ap_go, ap_ok, ap_irqs;
static u32 tests, failed, bad_preserve, pool = POOL;
static u32 idt[512] __attribute__((aligned(4096)));
static u32 tss[26];
static u32 ldt[1024] __attribute__((aligned(4096)));
static struct ap_state ap_state __attribute__((aligned(4096)));
static u8 ap_stack[4096] __attribute__((aligned(4096)));
static u32 ap_gdt[1024] __attribute__((aligned(4096)));

static void outb(u8 v, u16 port)
{
	asm volatile("outb %0, %1" : : "a" (v), "Nd" (port));
}

static u8 inb(u16 port)
{
	u8 v;

	asm volatile("inb %1, %0" : "=a" (v) : "Nd" (port));
	return v;
}

static u64 rdtsc(void)
{
	u64 v;

	asm volatile("rdtsc" : "=A" (v));
	return v;
}

static u32 read_cr3(void)
{
	u32 v;

	asm volatile("mov %%cr3, %0" : "=r" (v));
	return v;
}

static u32 read_cr4(void)
{
	u32 v;

	asm volatile("mov %%cr4, %0" : "=r" (v));
	return v;
}

static void put(const char *s)
{
	for (; *s; s++) {
		while (!(inb(0x3fd) & 0x20))
			;
		outb(*s, 0x3f8);
	}
}

static void put_number(u32 v, u32 base)
{
	char buf[12];
	int i = 11;

	buf[i] = 0;
	do {
		buf[--i] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	put(buf + i);
}

static void ok(u32 good, const char *name)
{
	if (!good) {
		put("not ");
		failed++;
	}
	put("ok ");
	put_number(++tests, 10);
	put(" - ");
	put(name);
	put("\n");
}

static void ok_eq(u32 got, u32 want, const char *name)
{
	ok(got == want, name);
	if (got == want)
		return;
	put("# got 0x");
	put_number(got, 16);
	put(", want 0x");
	put_number(want, 16);
	put("\n");
}

static u32 equal(const char *a, const char *b, u32 n)
{
	while (n && *a == *b && *a)
		a++, b++, n--;
	return !n || *a == *b;
}

static u32 length(const char *s)
{
	u32 n = 0;

	while (s[n])
		n++;
	return n;
}

/* A word of the command line */
static u32 told(const char *word)
{
	u32 n = length(word);
	const char *s;

	for (s = cmdline; *s; s++)
		if ((s == cmdline || s[-1] == ' ') && equal(s, word, n) &&
		    (s[n] == ' ' || !s[n]))
			return 1;
	return 0;
}

static void finish(void)
{
	put("1..");
	put_number(tests, 10);
	put("\n# done\n");
	asm volatile("outw %w0, %w1" : : "a" (0x2000), "d" (0x604));
	for (;;)
		asm volatile("cli; hlt");
}

static void bail(const char *why)
{
	put("Bail out! ");
	put(why);
	put("\n");
	finish();
}

static void eoi(void)
{
	*(volatile u32 *)(APIC + 0xb0) = 0;
}

static u32 apic_id(void)
{
	return *(volatile u32 *)(APIC + 0x20) >> 24;
}

void on_vector(struct trap *t)
{
	if (t->vector == 0x20) {
		irqs[0x20]++;
		irq_when = rdtsc();
		outb(0x20, 0x20);
		return;
	}
	if (t->vector == 0x30) {
		irq_when = rdtsc();
		if (apic_id())
			ap_irqs++;
		else
			irqs[0x30]++;
		eoi();
		return;
	}
	if (expect_fault) {
		expect_fault = 0;
		faults++;
		fault_eip = t->eip;
		fault_vector = t->vector;
		/* Same ring, no ESP in the frame: build one below the target. */
		u32 cs = t->cs, flags = t->flags & ~0x200;
		volatile u32 *new = (u32 *)(call_esp - 8 - 12);

		new[0] = (u32)rom_call_resume;
		new[1] = cs;
		new[2] = flags;
		asm volatile("mov %0, %%esp; iret" : : "r" (new));
	}
	put("# exception ");
	put_number(t->vector, 10);
	put(" at ");
	put_number(t->eip, 16);
	put(" error ");
	put_number(t->error, 16);
	put("\n");
	bail("unexpected exception");
}

static void gate(u32 nr, const void *to, u32 dpl)
{
	idt[nr * 2] = ((u32)to & 0xffff) | 8 << 16;
	idt[nr * 2 + 1] = ((u32)to & 0xffff0000) | 0x8e00 | dpl << 13;
}

static void setup(void)
{
	struct dtr d = { sizeof(idt) - 1, (u32)idt };
	u32 i, base = (u32)tss;

	for (i = 0; i < 64; i++)
		gate(i, vectors + i * 16, 0);
	gate(0x80, vector_128, 3);
	asm volatile("lidt %0" : : "m" (d));
	tss[2] = KDS;
	tss[25] = 104 << 16;
	gdt[10] = (base & 0xffff) << 16 | 103;
	gdt[11] = (base & 0xff000000) | 0x8900 | (base >> 16 & 0xff);
	/* PICs at 0x20 and 0x28, all masked but IRQ 0 */
	outb(0x11, 0x20); outb(0x20, 0x21); outb(4, 0x21); outb(1, 0x21);
	outb(0x11, 0xa0); outb(0x28, 0xa1); outb(2, 0xa1); outb(1, 0xa1);
	outb(0xfe, 0x21); outb(0xff, 0xa1);
	/* PIT channel 0: stopped; local APIC on, LINT0 takes the PIC */
	outb(0x30, 0x43);
	*(volatile u32 *)(APIC + 0xf0) = 0x1ff;
	*(volatile u32 *)(APIC + 0x350) = 0x700;
}

/* Calls */

#define CALL(nr, ...) invoke(nr, (struct regs){ __VA_ARGS__ })

static u64 invoke(u32 nr, struct regs r)
{
	r.eip = (u32)reloc[nr];
	r.ebx = 0x11110000 + nr;
	r.ebp = 0x44440000 + nr;
	if (nr < NR_INSL || nr > NR_OUTSW)
		r.esi = 0x22220000 + nr, r.edi = 0x33330000 + nr;
	struct regs was = r;

	rom_call(&r);
	if ((r.ebx != was.ebx && nr != NR_CPUID) || r.ebp != was.ebp ||
	    r.esp_moved ||
	    ((nr < NR_INSL || nr > NR_OUTSW) &&
	     (r.esi != was.esi || r.edi != was.edi))) {
		bad_preserve++;
		put("# registers not preserved by ");
		put(call_names[nr]);
		put("\n");
	}
	return (u64)r.edx << 32 | r.eax;
}

static struct regs invoke_regs(u32 nr, struct regs r)
{
	r.eip = (u32)reloc[nr];
	rom_call(&r);
	return r;
}

#define REGS(nr, ...) invoke_regs(nr, (struct regs){ __VA_ARGS__ })

/* Exactly one violation, of the kind told. */
static u32 seen_total, seen_kind[32];

static void watch(void)
{
	u32 i;

	seen_total = stats->total;
	for (i = 0; i < 32; i++)
		seen_kind[i] = stats->violations[i];
}

static void caught(u32 kind, u32 n, const char *name)
{
	u32 want = told("fast") ? 0 : n;

	ok(stats->total - seen_total == want &&
	   stats->violations[kind] - seen_kind[kind] == want, name);
	if (stats->total - seen_total != want) {
		put("# violations: ");
		put_number(stats->total - seen_total, 10);
		put(", last kind ");
		put_number(stats->last[0], 10);
		put(" in call ");
		put_number(stats->last[1], 10);
		put(" where ");
		put_number(stats->last[2], 16);
		put("\n");
	}
}

static void quiet(const char *name)
{
	caught(0, 0, name);
}

/* Memory */

static u32 new_page(void)
{
	u32 *p = (u32 *)(pool + OFFSET), i;

	for (i = 0; i < 1024; i++)
		p[i] = 0;
	pool += 0x1000;
	return pool - 0x1000;
}

static u32 table_flag(void)
{
	return pae ? PAE : 0;
}

static u32 *entry(u32 table, u32 index)
{
	return (u32 *)(table + OFFSET) + index * (pae ? 2 : 1);
}

static u32 pd_index(u32 va)
{
	return pae ? va >> 21 & 511 : va >> 22;
}

static u32 pt_index(u32 va)
{
	return va >> 12 & (pae ? 511 : 1023);
}

static void set(u32 *e, u32 v, u32 flags)
{
	if (pae)
		CALL(NR_SetPxELong, .eax = v, .edx = 0, .ecx = (u32)e,
		     .s0 = flags);
	else
		CALL(NR_SetPxE, .eax = v, .edx = (u32)e, .ecx = flags);
}

static void update(u32 *e, u32 flags)
{
	CALL(pae ? NR_UpdatePxELong : NR_UpdatePxE, .eax = (u32)e, .edx = flags);
}

static void allocate(u32 page, u32 flags)
{
	CALL(NR_AllocatePage, .eax = page >> 12, .edx = flags | table_flag());
}

static void release(u32 page, u32 flags)
{
	CALL(NR_ReleasePage, .eax = page >> 12, .edx = flags | table_flag());
}

/* The directory that covers the user half's first gigabyte */
static u32 user_pd(void)
{
	return pae ? boot_pdpt[0] & ~0xfff : (u32)boot_pd - OFFSET;
}

/* ROM */

static u32 sum_of(const u8 *p, u32 n)
{
	u32 s = 0;

	while (n--)
		s += *p++;
	return s & 0xff;
}

static u8 *find_rom(void)
{
	u8 *p;

	for (p = (u8 *)OFFSET + 0xc0000; p < (u8 *)OFFSET + 0xe0000; p += 2048)
		if (p[0] == 0x55 && p[1] == 0xaa && p[8] == 'c' &&
		    p[9] == 'V' && p[10] == 'm' && p[11] == 'i')
			return p;
	return 0;
}

static u32 init_rom(void)
{
	struct regs r = { .eip = (u32)rom + 128, .ebp = 5, .ebx = 6 };

	rom_call(&r);
	return r.eax;
}

/* An entry of the header that ends in UD2 there and then */
static void test_entry(u32 at, const char *name)
{
	struct regs r = { .eip = (u32)rom + at };

	expect_fault = 1;
	rom_call(&r);
	expect_fault = 0;
	ok(faults == 1 && fault_vector == 6 && fault_eip == (u32)rom + at, name);
}

static u64 get_reloc(u32 nr)
{
	struct regs r = { .eax = nr, .eip = (u32)rom + 136, .ebp = 5, .ebx = 6 };

	rom_call(&r);
	if (r.ebp != 5 || r.ebx != 6)
		bad_preserve++;
	return (u64)r.edx << 32 | r.eax;
}

static u32 inside(u32 eip)
{
	return eip - (u32)rom < rom[2] * 512u;
}

static void test_header(void)
{
	u16 pci = *(u16 *)(rom + 24), lic = *(u16 *)(rom + 22);

	ok_eq(sum_of(rom, rom[2] * 512), 0, "checksum in the window");
	ok_eq(rom[13], 3, "API major");
	ok_eq(*(u32 *)(rom + 16), 0xfec00000, "virtual top");
	ok(equal((char *)rom + lic, "GPL v2", 7), "license");
	ok(equal((char *)rom + pci, "PCIR", 4), "PCI data structure");
	ok(equal((char *)rom + 144, "vmiROM01", 8), "information block");
	ok_eq(*(u32 *)(rom + 152) + OFFSET, (u32)rom, "ROM knows its place");
	ok_eq((u32)rom & 0xfff, told("moved") ? 0x800 : 0, "where it is expected");
	ok_eq(*(u32 *)(rom + 156) & 0xfff, 0, "state is page aligned");
	volatile u8 *byte = rom + 1024;
	u8 was = *byte;

	*byte = was ^ 0xff;
	ok(*byte == was, "window is write-protected");
}

/* The memory map of the loader must not offer what the ROM took. */
static void test_memory_map(u32 *mb)
{
	u8 *p = (u8 *)(mb[12] + OFFSET), *end = p + mb[11];
	u32 shadow = *(u32 *)(rom + 168), state = *(u32 *)(rom + 156);
	u32 overlap = 0, total = 0;

	for (; p < end; p += *(u32 *)p + 4) {
		u32 base = *(u32 *)(p + 4), len = *(u32 *)(p + 12);

		if (*(u32 *)(p + 20) != 1 || *(u32 *)(p + 8))
			continue;
		total += len >> 10;
		if (shadow && base < shadow + 0x1000000 && base + len > shadow)
			overlap++;
		if (base < state + 0x8000 && base + len > state)
			overlap++;
	}
	ok(!overlap, "memory map leaves out state and shadow");
	ok(total > (told("small") ? 50000 : 200000), "memory map has the rest");
	ok(!shadow == !!told("small"), "shadow block when there is room");
}

static void test_relocs(void)
{
	u32 i, bad = 0;

	for (i = 0; i < VMI_NCALLS; i++) {
		reloc[i] = get_reloc(i);
		u32 type = reloc[i] >> 32 & 0xff;

		if (i == NR_SYSEXIT && told("cpl1") && !type)
			continue;
		if (!inside((u32)reloc[i]) ||
		    type != (i == NR_IRET || i == NR_SYSEXIT ? 2 : 1)) {
			put("# reloc of ");
			put(call_names[i]);
			put("\n");
			bad++;
		}
	}
	ok(!bad, "get_reloc of all calls: type and address");
	ok_eq(get_reloc(VMI_NCALLS) >> 32 & 0xff, 0, "get_reloc of call 74 is NONE");
	ok_eq(get_reloc(0x80000000) >> 32 & 0xff, 0, "get_reloc of a wild number");
}

static u32 read_flags(void)
{
	u32 f;

	asm volatile("pushfl; popl %0" : "=r" (f));
	return f;
}

static void test_irq(void)
{
	struct regs r, in = { .eax = 0xa1, .edx = 0xa2, .ecx = 0xa3,
			      .ebx = 0xa4, .esi = 0xa5, .edi = 0xa6 };

	r = invoke_regs(NR_DisableInterrupts, in);
	ok(r.eax == 0xa1 && r.edx == 0xa2 && r.ecx == 0xa3 && r.ebx == 0xa4 &&
	   r.esi == 0xa5 && r.edi == 0xa6, "DisableInterrupts keeps registers");
	ok(!(r.flags & 0x200), "DisableInterrupts");
	r = invoke_regs(NR_EnableInterrupts, in);
	ok(r.eax == 0xa1 && r.edx == 0xa2 && r.ecx == 0xa3 && r.ebx == 0xa4,
	   "EnableInterrupts keeps registers");
	ok(r.flags & 0x200, "EnableInterrupts");
	in.eax = 0x200;
	r = invoke_regs(NR_SetInterruptMask, in);
	ok((r.flags & 0x200) && r.eax == 0x200 && r.edx == 0xa2 && r.ecx == 0xa3,
	   "SetInterruptMask on");
	in.eax = 0;
	r = invoke_regs(NR_SetInterruptMask, in);
	ok(!(r.flags & 0x200) && !r.eax && r.edx == 0xa2, "SetInterruptMask off");
	r = invoke_regs(NR_GetInterruptMask, in);
	ok(!(r.eax & 0x200) && r.edx == 0xa2 && r.ecx == 0xa3,
	   "GetInterruptMask off");
	asm volatile("sti");
	r = invoke_regs(NR_GetInterruptMask, in);
	asm volatile("cli");
	ok(r.eax & 0x200, "GetInterruptMask on");
	/* Something is pending: it is delivered before the call returns. */
	irqs[0x20] = 0;
	outb(0x30, 0x43); outb(100, 0x40); outb(0, 0x40);
	u64 t = rdtsc();

	while (rdtsc() - t < 100000000 && !(outb(0x0a, 0x20), inb(0x20) & 1))
		;
	CALL(NR_EnableInterrupts);
	u32 n = irqs[0x20];

	asm volatile("cli");
	ok_eq(n, 1, "EnableInterrupts delivers what is pending");
	irqs[0x20] = 0;
	outb(0x30, 0x43); outb(0, 0x40); outb(0x10, 0x40);
	r = invoke_regs(NR_Halt, in);
	ok(irqs[0x20] == 1 && (r.flags & 0x200), "Halt waits for an interrupt");
	asm volatile("cli");
}

static void test_registers(void)
{
	u32 cr0, v;
	struct regs r;

	asm volatile("mov %%cr0, %0" : "=r" (cr0));
	ok_eq(CALL(NR_GetCR0), cr0, "GetCR0");
	CALL(NR_SetCR0, .eax = cr0 | 8);
	asm volatile("mov %%cr0, %0" : "=r" (v));
	ok_eq(v, cr0 | 8, "SetCR0");
	CALL(NR_CLTS);
	asm volatile("mov %%cr0, %0" : "=r" (v));
	ok_eq(v, cr0, "CLTS");
	CALL(NR_SetCR2, .eax = 0x12345678);
	ok_eq(CALL(NR_GetCR2), 0x12345678, "SetCR2, GetCR2");
	ok_eq(CALL(NR_GetCR3), read_cr3(), "GetCR3");
	ok_eq(CALL(NR_GetCR4), read_cr4(), "GetCR4");
	v = read_cr4();
	CALL(NR_SetCR4, .eax = v | 4);
	ok_eq(read_cr4(), v | 4, "SetCR4");
	CALL(NR_SetCR4, .eax = v);
	for (v = 0; v < 4; v++)
		CALL(NR_SetDR, .eax = v, .edx = 0x1000 * (v + 1));
	ok(CALL(NR_GetDR, .eax = 2) << 32 == 0x3000ull << 32 &&
	   (u32)CALL(NR_GetDR, .eax = 0) == 0x1000 &&
	   (u32)CALL(NR_GetDR, .eax = 3) == 0x4000, "SetDR, GetDR 0-3");
	CALL(NR_SetDR, .eax = 7, .edx = 0x400);
	ok_eq(CALL(NR_GetDR, .eax = 7), 0x400, "SetDR, GetDR 7");
	watch();
	CALL(NR_SetDR, .eax = 8);
	caught(V_FLAGS, 1, "SetDR of a wild number is caught");
	watch();
	CALL(NR_GetDR, .eax = 4);
	caught(V_FLAGS, 1, "GetDR of a wild number is caught");
	CALL(NR_WBINVD);
	r = REGS(NR_CPUID, .eax = 0, .ecx = 0, .ebp = 7);
	u32 a = 0, b, c, d;

	asm volatile("cpuid" : "+a" (a), "=b" (b), "=c" (c), "=d" (d));
	ok(r.eax == a && r.ebx == b && r.ecx == c && r.edx == d && r.ebp == 7,
	   "CPUID");
	REGS(NR_WRMSR, .ecx = 0x174, .eax = 8, .edx = 0);
	r = REGS(NR_RDMSR, .ecx = 0x174);
	ok(r.eax == (told("cpl1") ? 0 : 8) && !r.edx, "WRMSR, RDMSR");
	u64 t = rdtsc();

	ok(CALL(NR_RDTSC) > t, "RDTSC");
	r = REGS(NR_CPUID, .eax = 1);
	CALL(NR_SetIOPLMask, .eax = 0x3000);
	ok_eq(read_flags() & 0x3000, told("cpl1") ? 0x1000 : 0, "SetIOPLMask is undone by the caller");
	r = REGS(NR_SetIOPLMask, .eax = 0x3000);
	ok_eq(r.flags & 0x3000, told("cpl1") ? 0x1000 : 0x3000, "SetIOPLMask");
	ok_eq(CALL(NR_MachineToPhysical, .eax = 0x123), 0x123, "MachineToPhysical");
	ok_eq(CALL(NR_PhysicalToMachine, .eax = 0x123), 0x123, "PhysicalToMachine");
	ok_eq(CALL(NR_SetCallbacks), 0, "SetCallbacks");
}

static void test_ports(void)
{
	static u8 buf[8] __attribute__((aligned(4)));
	struct regs r;

	/* The scratch register of the serial port keeps what it is given. */
	REGS(NR_OUTB, .eax = 0x5a, .edx = 0x3ff);
	r = REGS(NR_INB, .eax = 0x11223344, .edx = 0x3ff);
	ok_eq(r.eax, 0x1122335a, "OUTB, INB");
	/* PCI configuration: address at 0xcf8, first device's IDs at 0xcfc */
	REGS(NR_OUTL, .eax = 0x80000000, .edx = 0xcf8);
	r = REGS(NR_INL, .edx = 0xcf8);
	ok_eq(r.eax, 0x80000000, "OUTL, INL");
	r = REGS(NR_INW, .edx = 0xcfc);
	ok_eq(r.eax & 0xffff, 0x8086, "INW");
	r = REGS(NR_INSL, .edi = (u32)buf, .edx = 0xcfc, .ecx = 2);
	ok(*(u16 *)buf == 0x8086 && *(u32 *)(buf + 4) == *(u32 *)buf &&
	   r.edi == (u32)buf + 8 && !r.ecx, "INSL");
	r = REGS(NR_INSW, .edi = (u32)buf + 4, .edx = 0xcfc, .ecx = 1);
	ok(*(u16 *)(buf + 4) == 0x8086 && r.edi == (u32)buf + 6, "INSW");
	buf[0] = 0x17; buf[1] = 0x18;
	r = REGS(NR_OUTSB, .esi = (u32)buf, .edx = 0x3ff, .ecx = 2);
	ok(r.esi == (u32)buf + 2 && inb(0x3ff) == 0x18, "OUTSB");
	r = REGS(NR_INSB, .edi = (u32)buf + 7, .edx = 0x3ff, .ecx = 1);
	ok(buf[7] == 0x18 && r.edi == (u32)buf + 8, "INSB");
	*(u32 *)buf = 0x80000800;
	r = REGS(NR_OUTSL, .esi = (u32)buf, .edx = 0xcf8, .ecx = 1);
	u32 v = REGS(NR_INL, .edx = 0xcf8).eax;

	ok(r.esi == (u32)buf + 4 && v == 0x80000800, "OUTSL");
	REGS(NR_OUTL, .eax = 0x80000000, .edx = 0xcf8);
	/* The interrupt line of a bridge without one keeps 16 bits. */
	REGS(NR_OUTL, .eax = 0x8000003c, .edx = 0xcf8);
	REGS(NR_OUTW, .eax = 0x0055, .edx = 0xcfc);
	v = REGS(NR_INB, .edx = 0xcfc).eax & 0xff;
	*(u16 *)buf = 0x0066;
	r = REGS(NR_OUTSW, .esi = (u32)buf, .edx = 0xcfc, .ecx = 1);
	ok(v == 0x55 && r.esi == (u32)buf + 2 && inb(0xcfc) == 0x66,
	   "OUTW, OUTSW");
	CALL(NR_IODelay);
}

static void test_descriptors(void)
{
	struct dtr d = { gdtr.limit, (u32)gdt }, got;
	struct dtr i = { sizeof(idt) - 1, (u32)idt };

	watch();
	CALL(NR_SetGDT, .eax = (u32)&d);
	CALL(NR_GetGDT, .eax = (u32)&got);
	ok(got.base == d.base && got.limit == d.limit, "SetGDT, GetGDT");
	CALL(NR_SetIDT, .eax = (u32)&i);
	CALL(NR_GetIDT, .eax = (u32)&got);
	ok(got.base == i.base && got.limit == i.limit, "SetIDT, GetIDT");
	CALL(NR_SetTR, .eax = 0x28);
	ok_eq(CALL(NR_GetTR), 0x28, "SetTR, GetTR");
	CALL(NR_WriteGDTEntry, .eax = (u32)gdt, .edx = 6,
	     .ecx = ((u32)ldt & 0xffff) << 16 | 0xfff,
	     .s0 = ((u32)ldt & 0xff000000) | 0x8200 | ((u32)ldt >> 16 & 0xff));
	ok(gdt[12] == (((u32)ldt & 0xffff) << 16 | 0xfff), "WriteGDTEntry");
	CALL(NR_SetLDT, .eax = 0x30);
	ok_eq(CALL(NR_GetLDT), 0x30, "SetLDT, GetLDT");
	CALL(NR_WriteLDTEntry, .eax = (u32)ldt, .edx = 3, .ecx = 0xffff,
	     .s0 = 0x00cff300);
	ok(ldt[6] == 0xffff && ldt[7] == 0x00cff300, "WriteLDTEntry");
	CALL(NR_WriteIDTEntry, .eax = (u32)idt, .edx = 0x81, .ecx = idt[0x100],
	     .s0 = idt[0x101]);
	ok(idt[0x102] == idt[0x100] && idt[0x103] == idt[0x101],
	   "WriteIDTEntry");
	CALL(NR_SetGDT, .eax = (u32)&d);
	CALL(NR_SetIDT, .eax = (u32)&i);
	CALL(NR_SetLDT, .eax = 0);
	quiet("no violation with descriptors");

	watch();
	CALL(NR_WriteGDTEntry, .eax = (u32)gdt, .edx = 7, .ecx = 0xffff,
	     .s0 = 0x00cff300);
	asm volatile("movl %0, %%gs" : : "r" (0x3b));
	CALL(NR_WriteGDTEntry, .eax = (u32)gdt, .edx = 7, .ecx = 0xfffe,
	     .s0 = 0x00cff300);
	quiet("a descriptor in a segment register may change");
	CALL(NR_WriteGDTEntry, .eax = (u32)gdt, .edx = 7);
	caught(V_DESC_USED, 1, "it may not go away");
	watch();
	asm volatile("movl %0, %%gs" : : "r" (0));
	CALL(NR_WriteGDTEntry, .eax = (u32)gdt, .edx = 7);
	quiet("unless it is in none");

	watch();
	gdt[14] = 0xffff;
	CALL(NR_SetGDT, .eax = (u32)&d);
	caught(V_DESC_WRITE, 1, "raw write to the GDT is caught");
	gdt[14] = 0;
	CALL(NR_SetGDT, .eax = (u32)&d);
	watch();
	idt[0x1f0] = 1;
	CALL(NR_SetIDT, .eax = (u32)&i);
	caught(V_DESC_WRITE, 1, "raw write to the IDT is caught");
	CALL(NR_SetLDT, .eax = 0x30);
	watch();
	ldt[8] = 0xffff;
	CALL(NR_SetLDT, .eax = 0x30);
	quiet("an LDT may change until it is replaced");
	ldt[8] = 0;
	CALL(NR_UpdateKernelStack, .eax = KDS,
	     .edx = (u32)ap_stack + sizeof(ap_stack));
	caught(V_DESC_WRITE, 1, "raw write to the LDT in use is caught");
	CALL(NR_SetLDT, .eax = 0);
	/* The selectors in use would be gone: no table to return with. */
	if (told("cpl1"))
		return;
	watch();
	d.base += 8;
	d.limit -= 8;
	CALL(NR_SetGDT, .eax = (u32)&d);
	caught(V_DESC_ALIGN, 1, "unaligned GDT is caught");
	d.base -= 8;
	d.limit += 8;
	CALL(NR_SetGDT, .eax = (u32)&d);
}

/* A page for user mode, by the book. */
static void map_user(void)
{
	u32 pt = new_page(), code = new_page(), i, *e;

	watch();
	if (pae && !boot_pdpt[0]) {
		u32 pd = new_page();

		allocate(pd, PD | ZEROED);
		set(entry((u32)boot_pdpt - OFFSET, 0), pd + 1, PDP);
		CALL(NR_SetCR3, .eax = read_cr3());
	} else if (!pae) {
		allocate((u32)boot_pd - OFFSET, PD);
	}
	for (i = 0; i < (u32)(user_code_end - user_code); i++)
		((u8 *)code + OFFSET)[i] = user_code[i];
	allocate(pt, PT | ZEROED);
	set(entry(user_pd(), pd_index(USER_PAGE)), pt + 7, PD | CURRENT | USER_PAGE);
	e = entry(pt, pt_index(USER_PAGE));
	set(e, code + 7, PT | CURRENT | USER_PAGE);
	ok(*e == code + 7, "SetPxE stores the entry");
	CALL(NR_InvalPage, .eax = USER_PAGE);
	ok(*(u8 *)USER_PAGE == user_code[0], "the mapping works");
	quiet("no violation in mapping a page by the book");
}

static void test_user(void)
{
	u32 stack = (u32)ap_stack + sizeof(ap_stack);

	watch();
	CALL(NR_UpdateKernelStack, .eax = KDS, .edx = stack);
	ok(told("cpl1") || (tss[1] == stack && tss[2] == KDS),
	   "UpdateKernelStack");
	ok_eq(enter_user(0, reloc[NR_IRET], USER_PAGE, USER_PAGE + 0xf00),
	      0x5a5a0002, "IRET to ring 3 and back");
	ok_eq(user_cs_seen, 0x1b, "user code segment");
	ok(user_flags_seen & 0x200, "interrupts are on in user mode");
	ok_eq(user_stack_seen, stack - 20, "entry on the kernel stack");
	quiet("no violation in IRET");
	REGS(NR_WRMSR, .ecx = 0x174, .eax = 8);
	/* At CPL 1 there is no SYSEXIT: IRET again. */
	ok_eq(enter_user(!told("cpl1"), reloc[told("cpl1") ? NR_IRET : NR_SYSEXIT],
			 USER_PAGE, USER_PAGE + 0xf00),
	      0x5a5a0002, "SYSEXIT to ring 3 and back");
	ok(user_flags_seen & 0x200, "SYSEXIT enables interrupts");
	iret_kernel(reloc[NR_IRET]);
	ok(1, "IRET within the kernel");
	quiet("no violation in SYSEXIT and kernel IRET");
	user_flags = 2;
	watch();
	enter_user(0, reloc[NR_IRET], USER_PAGE, USER_PAGE + 0xf00);
	caught(V_IRET_IF, 1, "IRET to user mode without IF is caught");
	user_flags = 0x202;
	ok(stats->calls[NR_IRET] == 3u + !!told("cpl1") || told("fast"), "IRETs are counted");
}

static void test_linear(void)
{
	watch();
	set(entry(new_page(), 0), 0, PT);
	caught(V_NO_LINEAR, 1, "page-table call before SetLinearMapping");
	watch();
	CALL(NR_SetLinearMapping, .eax = 0, .edx = OFFSET, .ecx = 0x4000, .s0 = 0);
	quiet("SetLinearMapping");
	CALL(NR_SetLinearMapping, .eax = 4, .edx = OFFSET, .ecx = 1, .s0 = 0);
	caught(V_FLAGS, 1, "SetLinearMapping of a wild slot");
}

/* Violations that need no registered tables */
static void test_flags(void)
{
	u32 page = new_page(), *e = entry(page, 5);

	watch();
	set(e, 0x1003, PT);
	set(e, 0, PT);
	quiet("update of a table that is not registered is legal");
	watch();
	set(e, 0, PT | DEFER);
	caught(V_DEFER_FLAG, 1, "DEFER without CURRENT");
	watch();
	set(e, 0, PT | 0x40);
	caught(V_FLAGS, 1, "unknown update flag");
	watch();
	set(e, 0, PT | PD);
	caught(V_LEVEL, 1, "two levels");
	watch();
	set(e, 0, 0);
	caught(V_LEVEL, 1, "no level");
	watch();
	if (pae)
		CALL(NR_SetPxE, .eax = 0, .edx = (u32)e, .ecx = PT);
	else
		CALL(NR_SetPxELong, .eax = 0, .edx = 0, .ecx = (u32)e & ~7,
		     .s0 = PT);
	caught(V_PAE, 1, "entry of the other width");
	CALL(NR_FlushTLB, .eax = 1);
	watch();
	CALL(NR_AllocatePage, .eax = page >> 12,
	     .edx = PT | (table_flag() ^ PAE));
	CALL(NR_ReleasePage, .eax = page >> 12, .edx = PT | table_flag());
	caught(V_PAE, 1, "table of the other width");
	watch();
	CALL(NR_FlushTLB, .eax = 0);
	caught(V_FLAGS, 1, "FlushTLB of nothing");
	watch();
	CALL(NR_SetLazyMode, .eax = 1);
	CALL(NR_SetLazyMode, .eax = 2);
	caught(V_LAZY, 1, "lazy modes do not nest");
	CALL(NR_SetLazyMode, .eax = 0);
	watch();
	CALL(NR_SetLazyMode, .eax = 2);
	CALL(NR_SetLazyMode, .eax = 0);
	CALL(NR_SetLazyMode, .eax = 1);
	CALL(NR_SetLazyMode, .eax = 0);
	quiet("lazy modes in turn");
	watch();
	set(e, 0, PT | CURRENT | 0xffc05000);
	/* Wrong top, and the entry is number 5: right index */
	caught(V_VIRTUAL_TOP, 1, "mapping above the virtual top");
}

static u64 cycles_per_ms(void);

static void wait_ms(u32 ms)
{
	u64 t = rdtsc(), n = cycles_per_ms();

	while (rdtsc() - t < n * ms)
		;
}

static void test_tables(void)
{
	u32 va = 0x10000000, pt = new_page(), data = new_page(), *e, *pde, i;
	u32 other = new_page(), pdx = pd_index(va), tracked = stats->tracked;

	pde = entry(user_pd(), pdx);
	*(u32 *)(data + OFFSET) = 0xdada;
	*(u32 *)(other + OFFSET) = 0xfefe;
	watch();
	allocate(pt, PT | ZEROED);
	ok_eq(stats->tracked, tracked + !told("fast"), "registered tables are counted");
	set(pde, pt + 7, PD | CURRENT | va);
	e = entry(pt, 0);
	set(e, data + 3, PT | CURRENT | va);
	CALL(NR_FlushTLB, .eax = 1);
	ok_eq(*(u32 *)va, 0xdada, "FlushTLB");
	/* A stale translation must not outlive the flush. */
	set(e, other + 3, PT | CURRENT | va);
	CALL(NR_FlushTLB, .eax = 1);
	ok_eq(*(volatile u32 *)va, 0xfefe, "FlushTLB drops a translation");
	set(e, data + 3, PT | CURRENT | va);
	CALL(NR_InvalPage, .eax = va);
	ok_eq(*(volatile u32 *)va, 0xdada, "InvalPage drops a translation");
	CALL(NR_SetCR4, .eax = read_cr4() | 0x80);
	set(e, data + 0x103, PT | CURRENT | va);
	CALL(NR_InvalPage, .eax = va);
	ok_eq(*(volatile u32 *)va, 0xdada, "a global translation");
	set(e, other + 3, PT | CURRENT | va);
	CALL(NR_FlushTLB, .eax = 3);
	ok_eq(*(volatile u32 *)va, 0xfefe, "FlushTLB drops a global translation");
	set(e, data + 3, PT | CURRENT | va);
	CALL(NR_FlushTLB, .eax = 3);
	/* The CPU's own bits are nobody's write. */
	*(volatile u32 *)va = 0xdadb;
	ok_eq(*e & 0x60, 0x60, "accessed and dirty are set");
	set(entry(pt, 1), data + 3, PT | CURRENT | (va + 0x1000));
	set(e, data + 3, PT | CURRENT | va);
	quiet("no violation with accessed and dirty bits");
	/* A native change, announced. */
	*e = data + 1;
	update(e, PT | CURRENT | va);
	CALL(NR_InvalPage, .eax = va);
	quiet("UpdatePxE announces a native change");
	CALL(NR_FlushTLB, .eax = 3);

	watch();
	*e = data + 3;
	set(e, data + 1, PT | CURRENT | va);
	caught(V_RAW_WRITE, 1, "raw write is caught by the next SetPxE");
	watch();
	*entry(pt, 9) = data + 1;
	for (i = 0; i < 64; i++)
		CALL(NR_SetCR3, .eax = read_cr3());
	quiet("a fresh difference is only a suspect");
	wait_ms(600);
	for (i = 0; i < 64; i++)
		CALL(NR_SetCR3, .eax = read_cr3());
	caught(V_RAW_WRITE, 1, "raw write is caught at flush points");
	set(entry(pt, 9), 0, PT);

	/* What the CPU has set, found by a scan */
	set(e, data + 3, PT | CURRENT | va);
	CALL(NR_InvalPage, .eax = va);
	*(volatile u32 *)va = 0xdadc;
	u32 rounds = stats->rounds;

	for (i = 0; i < 1000 && stats->rounds < rounds + 2; i++)
		CALL(NR_SetCR3, .eax = read_cr3());
	ok(stats->rounds >= rounds + 2 || told("fast"),
	   "scans go through all tables");
	watch();
	*e &= ~0x40;
	set(e, data + 3, PT | CURRENT | va);
	caught(V_RAW_WRITE, 1, "dirty bit cleared without a call");
	set(e, data + 0x23, PT | CURRENT | va);
	watch();
	*e &= ~0x20;
	update(e, PT | CURRENT | va);
	quiet("accessed bit cleared and announced");

	watch();
	set(e, data + 1, PD);
	caught(V_LEVEL, 1, "level differs from the registration");
	watch();
	set(e, data + 1, PT | CURRENT | (va + 0x5000));
	caught(V_VA, 1, "address does not belong to the entry");
	watch();
	set(entry(pt, 7), data + 1, PT | CURRENT | 0x20007000);
	caught(V_VA, 1, "address of another table");
	watch();
	allocate(pt, PT);
	caught(V_ALLOC_TWICE, 1, "registered twice");
	watch();
	release(pt, PT);
	caught(V_REL_LINKED, 1, "released while linked");
	allocate(pt, PT);
	set(pde, 0, PD | CURRENT | va);
	watch();
	release(pt, PT);
	quiet("release by the book");
	release(pt, PT);
	caught(V_REL_UNREG, 1, "released twice");
	watch();
	set(pde, pt + 7, PD | CURRENT | va);
	caught(V_UNREG_LINK, 1, "unregistered table linked in");
	set(pde, 0, PD | CURRENT | va);
	watch();
	allocate(pt, PT | ZEROED);
	caught(V_NOT_ZEROED, 1, "ZEROED of a page that is not");
	watch();
	*entry(pt, 3) = data + 1;
	release(pt, PT);
	caught(V_RAW_WRITE, 1, "raw write is caught at release");
	watch();
	CALL(NR_AllocatePage, .eax = 0x8000, .edx = PT | table_flag());
	caught(V_NO_LINEAR, 1, "table outside the linear mapping");
	release(0x8000000, PT);
	ok_eq(stats->tracked, tracked, "registered tables are back");
}

static void test_deferred(void)
{
	u32 va = 0x30000000, pt = new_page(), data = new_page(), *e, *pde, v;

	e = entry(pt, 0);
	pde = entry(user_pd(), pd_index(va));
	allocate(pt, PT | ZEROED);
	set(pde, pt + 7, PD | CURRENT | va);
	watch();
	CALL(NR_SetLazyMode, .eax = 1);
	set(e, data + 0x23, PT | CURRENT | DEFER | va);
	set(entry(pt, 1), data + 3, PT | CURRENT | DEFER | (va + 0x1000));
	CALL(NR_SetLazyMode, .eax = 0);
	ok_eq(*e, data + 0x23, "deferred update is whole after the flush");
	ok_eq(*entry(pt, 1), data + 3, "deferred update without accessed bit");
	v = *(volatile u32 *)va;
	quiet("use after leaving lazy mode");
	CALL(NR_SetLazyMode, .eax = 1);
	set(entry(pt, 2), data + 0x23, PT | CURRENT | DEFER | (va + 0x2000));
	v = *(volatile u32 *)(va + 0x2000);
	CALL(NR_SetLazyMode, .eax = 0);
	caught(V_STALE_DEFER, 1, "deferred update relied on before the flush");
	watch();
	CALL(NR_SetLazyMode, .eax = 1);
	set(entry(pt, 3), data + 0x23, PT | CURRENT | DEFER | (va + 0x3000));
	CALL(NR_InvalPage, .eax = va + 0x3000);
	v = *(volatile u32 *)(va + 0x3000);
	CALL(NR_SetLazyMode, .eax = 0);
	quiet("InvalPage is a flush point");
	set(entry(pt, 4), data + 0x23, PT | CURRENT | DEFER | (va + 0x4000));
	CALL(NR_FlushTLB, .eax = 1);
	v = *(volatile u32 *)(va + 0x4000);
	quiet("FlushTLB is a flush point");
	set(entry(pt, 5), data + 0x23, PT | CURRENT | DEFER | (va + 0x5000));
	CALL(NR_SetCR3, .eax = read_cr3());
	v = *(volatile u32 *)(va + 0x5000);
	CALL(NR_FlushTLB, .eax = 3);
	quiet("SetCR3 is a flush point");
	watch();
	set(entry(pt, 6), data + 0x23, PT | CURRENT | DEFER | (va + 0x6000));
	CALL(NR_SetLazyMode, .eax = 1);
	ok_eq(stats->pending, 1, "entering lazy mode is no flush point");
	CALL(NR_APICWrite, .eax = APIC + 0x310, .edx = 0x55 << 24);
	CALL(NR_APICWrite, .eax = APIC + 0x300, .edx = 0x40030);
	quiet("the other half of the ICR is no IPI, nor is one to itself");
	CALL(NR_APICWrite, .eax = APIC + 0x300, .edx = 0x30);
	caught(V_STALE_DEFER, 1, "IPI with a deferred update");
	watch();
	CALL(NR_APICWrite, .eax = APIC + 0x300, .edx = 0x30);
	CALL(NR_SetLazyMode, .eax = 0);
	quiet("IPI with none");
	set(entry(pt, 6), 0, PT | CURRENT | DEFER | (va + 0x6000));
	enter_user(0, reloc[NR_IRET], USER_PAGE, USER_PAGE + 0xf00);
	caught(V_STALE_DEFER, 1, "IRET to user mode with a deferred update");
	watch();
	enter_user(0, reloc[NR_IRET], USER_PAGE, USER_PAGE + 0xf00);
	set(entry(pt, 6), 0, PT | CURRENT | DEFER | (va + 0x6000));
	iret_kernel(reloc[NR_IRET]);
	CALL(NR_FlushTLB, .eax = 1);
	quiet("IRET to user mode with none, and within the kernel");
	if (!told("cpl1")) {
		set(entry(pt, 6), 0, PT | CURRENT | DEFER | (va + 0x6000));
		enter_user(1, reloc[NR_SYSEXIT], USER_PAGE, USER_PAGE + 0xf00);
		caught(V_STALE_DEFER, 1, "SYSEXIT with a deferred update");
	}
	/* Announced changes of entries that stay present */
	set(entry(pt, 7), data + 0x23, PT | CURRENT | (va + 0x7000));
	watch();
	*entry(pt, 7) = data + 0x21;
	update(entry(pt, 7), PT | CURRENT | DEFER | (va + 0x7000));
	*entry(pt, 7) = *entry(pt, 7) | 2;
	update(entry(pt, 7), PT | CURRENT | DEFER | (va + 0x7000));
	CALL(NR_FlushTLB, .eax = 1);
	ok_eq(*entry(pt, 7), data + 0x23, "deferred change is whole after the flush");
	v = *(volatile u32 *)(va + 0x7000);
	quiet("use of an announced change after the flush");
	CALL(NR_FlushTLB, .eax = 1);
	update(entry(pt, 7), PT | CURRENT | DEFER | (va + 0x7000));
	CALL(NR_FlushTLB, .eax = 1);
	asm volatile("invlpg (%0)" : : "r" (va + 0x7000) : "memory");
	update(entry(pt, 7), PT | CURRENT | DEFER | (va + 0x7000));
	v = *(volatile u32 *)(va + 0x7000);
	CALL(NR_FlushTLB, .eax = 1);
	caught(V_STALE_DEFER, 1, "use of an announced change before the flush");
	set(pde, 0, PD | CURRENT | va);
	set(e, data + 0x23, PT | CURRENT | DEFER | va);
	watch();
	release(pt, PT);
	caught(V_STALE_DEFER, 1, "released with a deferred update");
	CALL(NR_FlushTLB, .eax = 3);
	(void)v;
}

/* Another address space: a copy of the kernel's part. */
static void test_space(void)
{
	u32 root = new_page(), pd = root, old = read_cr3(), other = new_page();
	u32 first, count, i, src;

	if (pae) {
		u32 *p = (u32 *)(root + OFFSET);

		pd = new_page();
		watch();
		allocate(pd, PD | ZEROED);
		p[0] = pd + 1;
		p[6] = boot_pdpt[6];
		CALL(NR_SetCR3, .eax = root);
		ok_eq(read_cr3(), root, "SetCR3");
		CALL(NR_SetCR3, .eax = old);
		release(pd, PD);
		quiet("another address space, PAE");
		watch();
		set(entry(boot_pdpt[6] & ~0xfff, 511), 0x400083, PD);
		caught(V_VIRTUAL_TOP, 1, "directory entry above the virtual top");
		set(entry(boot_pdpt[6] & ~0xfff, 511), 0, PD);
		watch();
		p[0] = other + 1;
		CALL(NR_SetCR3, .eax = root);
		CALL(NR_SetCR3, .eax = old);
		caught(V_UNREG_LINK, 1, "root with an unregistered directory");
		src = pd;
		allocate(src, PD | ZEROED);
		first = 0;
		count = 512;
	} else {
		src = (u32)boot_pd - OFFSET;
		first = 768;
		count = 256;
		watch();
		for (i = 768; i < 1024; i++)
			*entry(root, i) = boot_pd[i];
		CALL(NR_AllocatePage, .eax = root >> 12, .edx = PD | CLONE,
		     .ecx = src >> 12, .s0 = first, .s1 = count);
		CALL(NR_SetCR3, .eax = root);
		ok_eq(read_cr3(), root, "SetCR3");
		CALL(NR_SetCR3, .eax = old);
		release(root, PD);
		quiet("another address space, cloned");
		watch();
		CALL(NR_SetCR3, .eax = root);
		CALL(NR_SetCR3, .eax = old);
		caught(V_UNREG_LINK, 1, "root that is not registered");
		watch();
		set(entry(src, 1023), 0x400083, PD);
		caught(V_VIRTUAL_TOP, 1, "directory entry above the virtual top");
		set(entry(src, 1023), 0, PD);
	}
	watch();
	*entry(other, first + 1) = 0xe0;
	CALL(NR_AllocatePage, .eax = other >> 12,
	     .edx = PD | CLONE | table_flag(), .ecx = src >> 12,
	     .s0 = first, .s1 = count);
	caught(V_CLONE, 1, "clone that differs from its source");
}

static u64 cycles_per_ms(void)
{
	static u64 known;

	if (!known)
		known = (u32)CALL(NR_GetCycleFrequency) / 1000;
	return known;
}

static void alarm(u32 flags, u64 expiry, u64 period)
{
	CALL(NR_SetAlarm, .eax = flags, .edx = (u32)expiry, .ecx = expiry >> 32,
	     .s0 = (u32)period, .s1 = period >> 32);
}

static void spin(u64 cycles)
{
	u64 t = rdtsc();

	asm volatile("sti");
	while (rdtsc() - t < cycles)
		;
	asm volatile("cli");
}

static void test_time(void)
{
	u64 ms = cycles_per_ms(), a, b, expiry;
	u32 n;

	ok(ms > 100000 && ms < 10000000, "GetCycleFrequency");
	a = CALL(NR_GetCycleCounter, .eax = 0);
	b = CALL(NR_GetCycleCounter, .eax = 1);
	ok(a && b > a, "counters REAL and AVAILABLE advance");
	ok(!CALL(NR_GetCycleCounter, .eax = 2) && !CALL(NR_GetCycleCounter, .eax = 9),
	   "STOLEN and unknown counters read 0");
	watch();
	/*
	 * LVTT, one-shot. The ROM has to find the APIC's mapping by itself;
	 * the first alarm has the timer measured.
	 */
	*(volatile u32 *)(APIC + 0x320) = 0x30;
	alarm(0x10000, rdtsc() + 1000 * ms, 0);
	CALL(NR_CancelAlarm, .eax = 0x10000);
	irqs[0x30] = 0;
	expiry = rdtsc() + 20 * ms;
	alarm(0x10000, expiry, 0);
	spin(10 * ms);
	n = irqs[0x30];
	spin(60 * ms);
	ok_eq(n, 0, "LVTT one-shot alarm waits");
	ok_eq(irqs[0x30], 1, "LVTT one-shot alarm comes");
	ok(irq_when >= expiry, "not before its time");
	ok_eq(CALL(NR_CancelAlarm, .eax = 0x10000), 0, "CancelAlarm of a past alarm");
	/* LVTT, periodic */
	irqs[0x30] = 0;
	alarm(0x10100, rdtsc(), 5 * ms);
	spin(102 * ms);
	n = irqs[0x30];
	ok(n >= 5 && n <= 21, "LVTT periodic alarm");
	ok_eq(CALL(NR_CancelAlarm, .eax = 0x10000), 1, "CancelAlarm of an armed alarm");
	irqs[0x30] = 0;
	spin(30 * ms);
	ok_eq(irqs[0x30], 0, "cancelled alarm stays away");
	/* Two counters, two alarms on one wire */
	alarm(0x10000, rdtsc() + 60 * ms, 0);
	alarm(0x10001, rdtsc() + 15 * ms, 0);
	spin(30 * ms);
	n = irqs[0x30];
	CALL(NR_GetCycleCounter, .eax = 0);
	spin(80 * ms);
	ok(n == 1 && irqs[0x30] == 2, "alarms of both counters on one wire");
	/* IRQ 0 */
	irqs[0x20] = 0;
	expiry = rdtsc() + 20 * ms;
	alarm(0, expiry, 0);
	spin(60 * ms);
	ok(irqs[0x20] == 1 && irq_when >= expiry, "IRQ 0 one-shot alarm");
	irqs[0x20] = 0;
	alarm(0x100, rdtsc(), 10 * ms);
	spin(105 * ms);
	n = irqs[0x20];
	ok(n >= 3 && n <= 11, "IRQ 0 periodic alarm");
	CALL(NR_CancelAlarm, .eax = 0);
	irqs[0x20] = 0;
	spin(30 * ms);
	ok_eq(irqs[0x20], 0, "cancelled IRQ 0 alarm stays away");
	/* Further off than the PIT counts: Halt carries it on. */
	expiry = rdtsc() + 130 * ms;
	alarm(0, expiry, 0);
	for (n = 0; n < 10 && rdtsc() < expiry; n++) {
		CALL(NR_Halt);
		asm volatile("cli");
	}
	ok(n >= 3 && n <= 5 && irq_when >= expiry, "IRQ 0 alarm beyond the range of the PIT");
	quiet("no violation with alarms");
	alarm(0x200, 0, 0);
	caught(V_ALARM, 1, "unknown alarm flag is caught");
	watch();
	ok_eq(CALL(NR_CancelAlarm, .eax = 0x200), 0, "CancelAlarm of nothing");
	caught(V_ALARM, 1, "unknown flag of CancelAlarm is caught");
	ok_eq(CALL(NR_WallclockUpdated), 0, "WallclockUpdated");
}

static u32 cmos(u32 reg)
{
	u8 v;

	outb(reg, 0x70);
	v = inb(0x71);
	return (v >> 4) * 10 + (v & 15);
}

/* The runner starts the clock at 2021-02-28 23:59:40: the month turns. */
#define BASE	1614556780u

static void test_wallclock(void)
{
	u64 t = CALL(NR_GetWallclockTime), u;
	u32 s, now, day;

	/* In halves: nothing here divides 64 bits. */
	s = (u32)(t >> 32) / 1000000000;
	asm("divl %2" : "=a" (s), "=d" (now)
	    : "rm" (1000000000), "0" ((u32)t), "1" ((u32)(t >> 32)));
	ok(s >= BASE && s < BASE + 100, "GetWallclockTime is the machine's");
	now = cmos(4) * 3600 + cmos(2) * 60 + cmos(0);
	day = s % 86400;
	/* Either reading may be up to a second behind. */
	ok((now - day + 86400 + 1) % 86400 <= 2, "it agrees with the CMOS clock");
	put("# CMOS ");
	put_number(now, 10);
	put(", ROM ");
	put_number(day, 10);
	put("\n");
	t = CALL(NR_GetWallclockTime);
	wait_ms(50);
	u = CALL(NR_GetWallclockTime) - t;
	ok(u >= 50000000 && u < 60000000000ull, "it advances in nanoseconds");
}

void ap_main(void)
{
	struct regs r = { .eip = (u32)reloc[NR_SetLinearMapping], .edx = OFFSET,
			  .ecx = 0x4000 };
	u16 cs, tr, ldtr;
	u32 flags;

	asm volatile("mov %%cs, %0" : "=r" (cs));
	asm volatile("str %0" : "=r" (tr));
	asm volatile("sldt %0" : "=r" (ldtr));
	flags = read_flags();
	/* rom_call() serves one CPU at a time. */
	while (!ap_go)
		asm volatile("pause");
	rom_call(&r);
	/* A table of its own */
	struct dtr d = { gdtr.limit, (u32)ap_gdt };

	r = (struct regs){ .eip = (u32)reloc[NR_SetGDT], .eax = (u32)&d };
	rom_call(&r);
	ap_ok = cs == (told("cpl1") ? 9 : 8) && (!tr || told("cpl1")) && !ldtr && !(flags & 0x200) &&
		read_cr3() == ap_state.cr3 && read_cr4() == ap_state.cr4;
	*(volatile u32 *)(APIC + 0xf0) = 0x1ff;
	ap_alive = 1;
	while (ap_alive != 2)
		asm volatile("pause");
	/* An alarm of this CPU's own */
	r = (struct regs){ .eax = APIC + 0x320, .edx = 0x30 };
	r.eip = (u32)reloc[NR_APICWrite];
	rom_call(&r);
	u64 when = rdtsc() + 1000000;

	r = (struct regs){ .eax = 0x10000, .edx = (u32)when,
			   .ecx = when >> 32 };
	r.eip = (u32)reloc[NR_SetAlarm];
	rom_call(&r);
	asm volatile("sti");
	while (!ap_irqs)
		asm volatile("pause");
	asm volatile("cli");
	ap_alive = 3;
	for (;;)
		asm volatile("cli; hlt");
}

static void ipi(u32 id, u32 v)
{
	CALL(NR_APICWrite, .eax = APIC + 0x310, .edx = id << 24);
	CALL(NR_APICWrite, .eax = APIC + 0x300, .edx = v);
	while ((u32)CALL(NR_APICRead, .eax = APIC + 0x300) & 0x1000)
		;
}

static u32 wait_alive(u32 what)
{
	u64 t = rdtsc(), ms = cycles_per_ms();

	while (ap_alive != what && rdtsc() - t < 3000 * ms)
		asm volatile("pause");
	return ap_alive == what;
}

/* A second CPU has an address space loaded, and a descriptor table. */
static void test_shared(void)
{
	u32 root = new_page(), pd = root, pt = new_page(), data = new_page();
	u32 va = 0x20000000, old = read_cr3(), i, v;

	watch();
	CALL(NR_WriteGDTEntry, .eax = (u32)ap_gdt, .edx = 7);
	caught(V_DESC_WRITE, 1, "descriptor of another CPU is caught");
	if (told("fast"))
		return;
	allocate(pt, PT | ZEROED);
	if (pae) {
		pd = new_page();
		allocate(pd, PD | ZEROED);
		*entry(root, 0) = pd + 1;
		*entry(root, 3) = boot_pdpt[6];
	} else {
		for (i = 768; i < 1024; i++)
			*entry(root, i) = boot_pd[i];
		allocate(root, PD);
	}
	CALL(NR_SetCR3, .eax = root);
	set(entry(pd, pd_index(va)), pt + 7, PD | CURRENT | va);
	watch();
	set(entry(pt, 0), data + 0x23, PT | CURRENT | DEFER | va);
	v = *(volatile u32 *)va;
	CALL(NR_FlushTLB, .eax = 1);
	caught(V_STALE_DEFER, 1, "deferred update relied on, on two CPUs");
	CALL(NR_SetCR3, .eax = old);
	set(entry(user_pd(), pd_index(va)), pt + 7, PD | CURRENT | va);
	watch();
	set(entry(pt, 1), data + 0x23, PT | CURRENT | DEFER | (va + 0x1000));
	v = *(volatile u32 *)(va + 0x1000);
	CALL(NR_FlushTLB, .eax = 1);
	quiet("the other CPU may be the one that uses it");
	(void)v;
}

/* One CPU more than there are slots */
static void test_many(void)
{
	u32 i;

	for (i = 2; i < 16; i++)
		CALL(NR_SetInitialAPState, .eax = (u32)&ap_state, .edx = 40 + i);
	watch();
	CALL(NR_SetInitialAPState, .eax = (u32)&ap_state, .edx = 40 + 2);
	quiet("as many CPUs as there is room for");
	CALL(NR_SetInitialAPState, .eax = (u32)&ap_state, .edx = 40 + 16);
	caught(V_AP_STATE, 1, "one CPU more");
	ok_eq(stats->cpus, 16, "CPUs are counted to the last");
}

/* The ROM looks for the APIC when it is told an offset only. */
static void test_no_apic(void)
{
	u32 *e = apic_pt + (pae ? 0 : 0x200), was = *e;

	watch();
	*e = 0;
	asm volatile("invlpg (%0)" : : "r" (APIC) : "memory");
	ok_eq(CALL(NR_APICRead, .eax = 0x30), 0, "APICRead without an APIC");
	caught(V_APIC, 1, "APICRead without an APIC is caught");
	*e = was;
}

static void test_apic(void)
{
	u32 cr0;

	test_no_apic();
	ok_eq(CALL(NR_APICRead, .eax = APIC + 0x30),
	      *(volatile u32 *)(APIC + 0x30), "APICRead");
	CALL(NR_APICWrite, .eax = APIC + 0x80, .edx = 0x20);
	ok_eq(*(volatile u32 *)(APIC + 0x80), 0x20, "APICWrite");
	ok_eq(CALL(NR_APICRead, .eax = 0x80), 0x20, "APICRead by offset");
	CALL(NR_APICWrite, .eax = APIC + 0x80, .edx = 0);
	if (!told("smp"))
		return;
	asm volatile("mov %%cr0, %0" : "=r" (cr0));
	ap_state.cr0 = cr0;
	ap_state.cr3 = read_cr3();
	ap_state.cr4 = read_cr4();
	ap_state.eip = (u32)ap_start;
	ap_state.eax = 0xaaaa;
	ap_state.ebx = 0xbbbb;
	ap_state.edi = 0xdddd;
	ap_state.esp = (u32)ap_stack + sizeof(ap_stack);
	ap_state.cs = told("cpl1") ? 9 : 8;
	ap_state.ss = told("cpl1") ? KDS + 1 : KDS;
	ap_state.ds = ap_state.es = KDS;
	ap_state.gdt_limit = gdtr.limit;
	ap_state.gdt_base = (u32)gdt;
	ap_state.idt_base = (u32)idt;
	ap_state.idt_limit = sizeof(idt) - 1;
	watch();
	for (u32 i = 0; i * 4 < gdtr.limit; i++)
		ap_gdt[i] = gdt[i];
	ipi(1, 0x4500);
	wait_ms(10);
	CALL(NR_SetInitialAPState, .eax = (u32)&ap_state, .edx = 1);
	/* The vector is the ROM's business: this one leads nowhere. */
	ipi(1, 0x4600);
	wait_ms(1);
	ipi(1, 0x4600);
	ap_go = 1;
	ok(wait_alive(1), "second CPU starts");
	ok(ap_ok, "it has the control registers and selectors of its state");
	ok(ap_eax == 0xaaaa && ap_ebx == 0xbbbb && ap_edi == 0xdddd &&
	   ap_esp == ap_state.esp, "it has the registers of its state");
	ap_alive = 2;
	ok(wait_alive(3), "its own alarm reaches it");
	ok_eq(ap_irqs, 1, "once");
	ok_eq(stats->cpus, 2, "two CPUs are counted");
	quiet("no violation in starting a CPU");
	test_shared();
	CALL(NR_SetInitialAPState, .eax = (u32)&ap_state + 16, .edx = 2);
	ok(stats->violations[V_AP_STATE] - seen_kind[V_AP_STATE] >= 1 ||
	   told("fast"), "unaligned AP state is caught");
	test_many();
}

static void test_counts(void)
{
	u32 i, none = 0;

	for (i = 0; i < VMI_NCALLS; i++) {
		if (stats->calls[i] || i == NR_Reboot || i == NR_Shutdown ||
		    i == NR_RDPMC || (i == NR_SetInitialAPState && !told("smp")))
			continue;
		if (i == NR_SYSEXIT && told("cpl1"))
			continue;
		if (i == (pae ? NR_UpdatePxE : NR_UpdatePxELong))
			continue;
		none++;
		if (told("fast"))
			continue;
		put("# never counted: ");
		put(call_names[i]);
		put("\n");
	}
	ok(told("fast") ? none > 60 : !none, "each call is counted");
	i = stats->calls[NR_INB];
	REGS(NR_INB, .edx = 0x3ff);
	ok_eq(stats->calls[NR_INB], i + !told("fast"), "by one each time");
	ok(!bad_preserve, "EBX, ESI, EDI, EBP and ESP are preserved");
}

/* Privileged instructions that the guest left native, at CPL 1 */
static void test_native(void)
{
	struct dtr d = { gdtr.limit, (u32)gdt };
	struct dtr i = { sizeof(idt) - 1, (u32)idt };
	u32 a, b, v;

	asm volatile("mov %%cr0, %0" : "=r" (v));
	asm volatile("mov %0, %%cr0" : : "r" (v | 8));
	asm volatile("clts");
	asm volatile("mov %%cr0, %0" : "=r" (a));
	ok_eq(a, v, "native MOV CR0 and CLTS");
	ok(!(REGS(NR_CPUID, .eax = 1).edx & 0x800), "CPUID hides SYSENTER");
	asm volatile("lgdt %0; lidt %1" : : "m" (d), "m" (i));
	asm volatile("invlpg (%0); wbinvd" : : "r" (rom) : "memory");
	asm volatile("mov %0, %%db1; mov %%db1, %1" : "+r" (v), "=r" (a));
	ok_eq(a, v, "native MOV DR");
	asm volatile("wrmsr" : : "c" (0x175), "a" (0x1234), "d" (0));
	asm volatile("rdmsr" : "=a" (a), "=d" (b) : "c" (0x175));
	ok_eq(a, 0x1234, "native WRMSR, RDMSR");
	irqs[0x20] = 0;
	outb(0x30, 0x43); outb(0, 0x40); outb(0x10, 0x40);
	asm volatile("sti; hlt; cli" : : : "memory");
	ok_eq(irqs[0x20], 1, "native HLT");
	/* Not the monitor's: the guest's own handler sees it. */
	struct regs r = { .eip = (u32)fault_here };

	faults = 0;
	expect_fault = 1;
	rom_call(&r);
	ok(faults == 1 && fault_vector == 13 && fault_eip == (u32)fault_here,
	   "a fault of the guest's own reaches its handler");
}

static void run_sound(u32 *multiboot)
{
	u32 v;

	test_header();
	test_memory_map(multiboot);
	v = init_rom();
	ok_eq(v, 0, "vmi_init succeeds");
	stats = (struct stats *)(*(u32 *)(rom + 160) + OFFSET);
	if (v)
		bail("vmi_init failed");
	u16 cs;

	asm volatile("mov %%cs, %0" : "=r" (cs));
	ok_eq(cs & 3, !!told("cpl1"), "privilege level after vmi_init");
	ok(equal(stats->magic, "vmiSTAT1", 8), "statistics");
	ok_eq(stats->total, 0, "no violation so far");
	test_relocs();
	test_registers();
	if (told("cpl1"))
		test_native();
	test_irq();
	test_ports();
	if (!told("fast"))
		test_linear();
	else
		CALL(NR_SetLinearMapping, .edx = OFFSET, .ecx = 0x4000);
	test_descriptors();
	map_user();
	test_user();
	test_flags();
	if (!told("small") && !told("fast")) {
		test_tables();
		test_deferred();
		test_space();
	}
	test_time();
	test_wallclock();
	if (told("small") || told("fast"))
		update(entry(new_page(), 0), PT), allocate(pool, PT),
		release(pool, PT), CALL(NR_SetCR3, .eax = read_cr3());
	test_apic();
	test_counts();
	watch();
	v = init_rom();
	ok(v != 0, "a second vmi_init fails");
	caught(V_INIT, 1, "a second vmi_init is caught");
	put("1..");
	put_number(tests, 10);
	put("\n# done\n");
	CALL(NR_Shutdown);
}

/* Variants */

static u32 count_types(u32 type)
{
	u32 i, n = 0;

	for (i = 0; i < VMI_NCALLS; i++)
		n += (get_reloc(i) >> 32 & 0xff) == type;
	return n;
}

static u32 count_outside(void)
{
	u32 i, n = 0;

	for (i = 0; i < VMI_NCALLS; i++)
		n += !inside((u32)get_reloc(i));
	return n;
}

static void test_broken(u32 group)
{
	u32 i, bad = 0, n = 0;

	for (i = 0; i < VMI_NCALLS; i++) {
		reloc[i] = get_reloc(i);
		if (call_groups[i] != group)
			continue;
		n++;
		faults = 0;
		expect_fault = 1;
		REGS(i, .eax = 0);
		expect_fault = 0;
		if (faults != 1 || fault_vector != 6 || !inside(fault_eip) ||
		    stats->calls[i] != 1) {
			bad++;
			put("# not broken: ");
			put(call_names[i]);
			put("\n");
		}
	}
	ok(n && !bad, "each call of the group ends in UD2 inside the ROM");
	ok(stats->calls[NR_GetCR0] == (group == GRP_CPU), "others were not called");
	if (group != GRP_CPU)
		ok((u32)CALL(NR_GetCR0) >> 31, "calls of other groups work");
	else
		ok(!((u32)CALL(NR_GetInterruptMask) & 0x200), "others work");
}

static void test_late(void)
{
	u32 i;

	for (i = 0; i < VMI_NCALLS; i++)
		reloc[i] = get_reloc(i);
	ok(!((u32)CALL(NR_GetInterruptMask) & 0x200), "works at first");
	for (i = 0; i < 19999; i++)
		iret_kernel(reloc[NR_IRET]);
	ok(!((u32)CALL(NR_GetInterruptMask) & 0x200),
	   "works after 19,999 IRETs");
	iret_kernel(reloc[NR_IRET]);
	faults = 0;
	expect_fault = 1;
	REGS(NR_GetInterruptMask, .eax = 0);
	expect_fault = 0;
	ok(faults == 1 && fault_vector == 6 && inside(fault_eip),
	   "ends in UD2 inside the ROM after 20,000");
	ok_eq(stats->calls[NR_GetInterruptMask], 3, "and is counted");
	ok((u32)CALL(NR_GetCR0) >> 31, "calls of other groups work");
}

static void run_variant(void)
{
	u32 v;

	rom = find_rom();
	if (told("bad-checksum")) {
		ok(!rom, "the firmware refuses a bad checksum");
		return;
	}
	if (!rom)
		bail("no VMI ROM in the window");
	v = sum_of(rom, rom[2] * 512);
	if (told("bad-checksum-late")) {
		ok_eq(v, 1, "checksum in the window is bad");
		return;
	}
	ok_eq(v, 0, "checksum in the window");
	if (told("bad-major")) {
		ok_eq(rom[13], 4, "API major 4");
		return;
	}
	if (told("no-pci")) {
		ok_eq(*(u16 *)(rom + 24), 0, "no PCI data structure");
		return;
	}
	if (told("bad-license")) {
		ok(equal((char *)rom + *(u16 *)(rom + 22), "GPL v3", 7),
		   "license that is not known");
		return;
	}
	if (told("no-license")) {
		ok_eq(*(u16 *)(rom + 22), 0, "no license");
		return;
	}
	if (told("init-ud2")) {
		test_entry(128, "vmi_init ends in UD2");
		return;
	}
	v = init_rom();
	if (told("init-fails")) {
		ok(v != 0, "vmi_init fails");
		return;
	}
	ok_eq(v, 0, "vmi_init succeeds");
	stats = (struct stats *)(*(u32 *)(rom + 160) + OFFSET);
	if (told("reloc-below") || told("reloc-above"))
		ok_eq(count_outside(), VMI_NCALLS, "all relocations point outside");
	else if (told("reloc-unknown"))
		ok_eq(count_types(7), VMI_NCALLS, "all types are unknown");
	else if (told("all-none"))
		ok_eq(count_types(0), VMI_NCALLS, "all answers are NONE");
	else if (told("all-nop"))
		ok_eq(count_types(3), VMI_NCALLS, "all answers are NOP");
	else if (told("all-jump"))
		ok(count_types(2) == VMI_NCALLS && !count_outside(),
		   "all answers are JUMP");
	else if (told("reloc-ud2"))
		test_entry(136, "get_reloc ends in UD2");
	else if (told("freq-zero")) {
		reloc[NR_GetCycleFrequency] = get_reloc(NR_GetCycleFrequency);
		ok(!CALL(NR_GetCycleFrequency), "GetCycleFrequency is 0");
		ok_eq(stats->calls[NR_GetCycleFrequency], 1, "and is counted");
	}
	else if (told("answer-38-jump"))
		ok(get_reloc(38) >> 32 == 2 && inside(get_reloc(38)) &&
		   get_reloc(39) >> 32 == 1, "one answer is JUMP");
	else if (told("answer-33-call"))
	{
		ok(get_reloc(33) >> 32 == 1, "IRET is CALL");
		iret_called(get_reloc(33));
		ok_eq(stats->calls[33], 1, "IRET through a CALL returns");
	}
	else if (told("ud2-cpu"))
		test_broken(GRP_CPU);
	else if (told("ud2-irq"))
		test_broken(GRP_IRQ);
	else if (told("ud2-mmu"))
		test_broken(GRP_MMU);
	else if (told("ud2-time"))
		test_broken(GRP_TIME);
	else if (told("ud2-apic"))
		test_broken(GRP_APIC);
	else if (told("late-irq"))
		test_late();
	else
		bail("unknown variant on the command line");
}

void guest_main(u32 *multiboot)
{
	cmdline = (char *)(multiboot[4] + OFFSET);
	outb(3, 0x3fb); outb(0, 0x3f9); outb(7, 0x3fa);
	setup();
	rom = find_rom();
	if (told("variant")) {
		run_variant();
		finish();
	}
	if (!rom)
		bail("no VMI ROM in the window");
	run_sound(multiboot);
	bail("Shutdown returned");
}
