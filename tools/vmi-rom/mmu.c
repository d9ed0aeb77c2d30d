// SPDX-License-Identifier: GPL-2.0
/*
 * Page tables.
 *
 * The machine walks the guest's own tables, so an update is a plain store.
 * What the ROM adds is bookkeeping: each registered table has a record and,
 * as far as memory goes, a copy (its shadow). Whatever differs from the copy
 * was not written through a call. Accessed and dirty bits may come by
 * themselves, but go through a call as well.
 *
 * A table that was in use before vmi_init is "adopted": it may be linked and
 * loaded, and it is not compared until the guest registers it.
 *
 * A deferred update is stored at once, but with the accessed bit clear. When
 * the bit is set at the next flush point, the CPU walked the entry before the
 * guest had it flushed. That goes for an address space that no other CPU has
 * loaded. An IPI and a return to user mode find what is pending by its number.
 */
#include "state.h"

/* Registration flags */
#define PAGE_PT		0x01
#define PAGE_PD		0x02
#define PAGE_PDP	0x04
#define PAGE_LEVELS	0x0f
#define PAGE_PAE	0x10
#define PAGE_CLONE	0x20
#define PAGE_ZEROED	0x40
/* Only in records */
#define PAGE_ADOPTED	0x20
#define PAGE_BARE	0x40

/* Update flags; the levels are those of the registration */
#define UPDATE_CURRENT	0x10
#define UPDATE_DEFER	0x20
#define UPDATE_UNKNOWN	0xfc0

#define PTE_P		0x01
#define PTE_RW		0x02
#define PTE_A		0x20
#define PTE_AD		0x60
#define PTE_PS		0x80

#define CALL_SetCR3	17
#define CALL_SetPxE	38
#define CALL_SetPxELong	39
#define CALL_UpdatePxE	40
#define CALL_UpdatePxELong 41
#define CALL_AllocatePage 44
#define CALL_ReleasePage 45
#define CALL_FlushTLB	47
#define CALL_SetLinear	48
#define CALL_SetLazy	73

#define NRECORDS	8192
#define MAX_RECORDS	7000
#define SHADOW_PAGES	0x100000
#define NPAGES		((SHADOW_SIZE - SHADOW_PAGES) >> 12)
#define BARE		0xffff

/* Argument of SetLazyMode */
#define LAZY_MMU	1

/* How long a difference must last: it may be an update half way done. */
#define SUSPECT_MS	500

/**
 * struct record - a page known to be a page table
 * @key: page frame number << 8, level and flags; 0 when free
 * @shadow: index of its copy, BARE without one
 * @links: entries of registered page directories that point to it
 */
struct record {
	u32 key;
	u16 shadow;
	u16 links;
};

struct shadow {
	struct record records[NRECORDS];
	u16 free[NPAGES];
	u32 nfree;
	u32 nrecords;
};

static struct shadow *shadow(void)
{
	return (struct shadow *)globals()->shadow;
}

static u32 *copy_of(const struct record *r)
{
	if (r->shadow == BARE)
		return NULL;
	return (u32 *)(globals()->shadow + SHADOW_PAGES + (r->shadow << 12));
}

static u32 hash(u32 pfn)
{
	return pfn * 0x9e3779b1 >> 19;
}

static struct record *find(u32 pfn)
{
	struct record *r = shadow()->records;
	u32 i;

	for (i = hash(pfn); r[i].key; i = (i + 1) % NRECORDS)
		if (r[i].key >> 8 == pfn)
			return &r[i];
	return NULL;
}

static struct record *insert(u32 pfn, u32 type)
{
	struct shadow *s = shadow();
	u32 i;

	if (s->nrecords >= MAX_RECORDS)
		return NULL;
	s->nrecords++;
	for (i = hash(pfn); s->records[i].key; i = (i + 1) % NRECORDS)
		;
	s->records[i].key = pfn << 8 | type;
	s->records[i].shadow = BARE;
	s->records[i].links = 0;
	return &s->records[i];
}

/* Linear probing: close the gap that the record leaves. */
static void remove(struct record *r)
{
	struct shadow *s = shadow();
	u32 gap = r - s->records, i = gap, home;

	s->nrecords--;
	if (r->shadow != BARE)
		s->free[s->nfree++] = r->shadow;
	for (;;) {
		i = (i + 1) % NRECORDS;
		if (!s->records[i].key)
			break;
		home = hash(s->records[i].key >> 8);
		if ((i - home) % NRECORDS < (i - gap) % NRECORDS)
			continue;
		s->records[gap] = s->records[i];
		gap = i;
	}
	s->records[gap].key = 0;
}

static bool is_registered(const struct record *r)
{
	return r && !(r->key & PAGE_ADOPTED);
}

/* Entries are 1 or 2 words; the index is in entries. */
static u32 entry_words(void)
{
	return globals()->pae ? 2 : 1;
}

/* The bits that the CPU sets count in entries that it does not look at. */
static bool differs(const u32 *a, const u32 *b)
{
	if ((a[0] ^ b[0]) & (a[0] & PTE_P ? ~(u32)PTE_AD : ~0u))
		return true;
	return globals()->pae && a[1] != b[1];
}

/* Is an entry not what was announced? The CPU does not clear its bits. */
static bool changed(const u32 *mem, const u32 *copy)
{
	return differs(mem, copy) || (copy[0] & ~mem[0] & PTE_AD);
}

static void take_copy(u32 *to, const u32 *from)
{
	to[0] = from[0];
	if (globals()->pae)
		to[1] = from[1];
}

/* The table that an entry of a directory points to; NULL for none. */
static struct record *target(u32 level, u32 lo, u32 hi, bool *link)
{
	*link = (level & (PAGE_PD | PAGE_PDP)) && (lo & PTE_P) &&
		!((level & PAGE_PD) && (lo & PTE_PS));
	return *link ? find(lo >> 12 | hi << 20) : NULL;
}

static void count_link(u32 level, const u32 *entry, int by)
{
	struct record *r;
	bool link;

	r = target(level, entry[0], globals()->pae ? entry[1] & 15 : 0, &link);
	if ((level & PAGE_PD) && r && (u16)(r->links + by) != 0xffff)
		r->links += by;
}

/* A present entry of a directory has to point to a table of the next level. */
static void check_link(u32 call, u32 level, u32 where, const u32 *entry)
{
	u32 hi = globals()->pae ? entry[1] & 15 : 0;
	struct record *r;
	bool link;

	r = target(level, entry[0], hi, &link);
	if (!link)
		return;
	if (!r)
		violation(V_UNREG_LINK, call, where, entry[0]);
	else if ((r->key & PAGE_LEVELS) != (level & PAGE_LEVELS) >> 1)
		violation(V_LEVEL, call, where, entry[0]);
}

/*
 * Compare a whole table with its copy, take over what the CPU has set. Returns
 * the index of the first difference, or the number of entries.
 */
static u32 first_difference(const struct record *r)
{
	u32 *mem = phys_to_virt(r->key >> 8 << 12), *copy = copy_of(r);
	u32 w = entry_words(), now[2], i;

	for (i = 0; copy && i < 1024; i += w) {
		take_copy(now, &mem[i]);
		if (changed(now, &copy[i]))
			return i;
		copy[i] = now[0];
	}
	return 1024;
}

static void verify(u32 call, const struct record *r)
{
	u32 *mem = phys_to_virt(r->key >> 8 << 12), *copy = copy_of(r), i;

	globals()->stats.scans++;
	while ((i = first_difference(r)) < 1024) {
		violation(V_RAW_WRITE, call, (r->key >> 8 << 12) + i * 4,
			  mem[i]);
		count_link(r->key, &copy[i], -1);
		take_copy(&copy[i], &mem[i]);
		count_link(r->key, &copy[i], 1);
	}
}

/* The suspect of an earlier scan: reported when it has lasted. */
static bool scan_suspect(struct globals *g)
{
	struct record *r = find(g->scan_pfn);
	u32 *mem = phys_to_virt(g->scan_pfn << 12), *copy;

	copy = is_registered(r) ? copy_of(r) : NULL;
	if (!copy || !changed(&mem[g->scan_entry], &copy[g->scan_entry]) ||
	    mem[g->scan_entry] != g->scan_value)
		return false;
	if (rdtsc() - g->scan_when > (u64)SUSPECT_MS * g->tsc_khz) {
		verify(CALL_SetCR3, r);
		return false;
	}
	return true;
}

/* One table each time: called at flush points, with the lock held. */
void scan_one(void)
{
	struct globals *g = globals();
	struct record *r;
	u32 n, i;

	if (!CHECKING || !g->shadow)
		return;
	/* Cleared of suspicion, the table is looked at once more. */
	if (g->scan_pfn) {
		if (!scan_suspect(g)) {
			g->scan_pfn = 0;
			g->scan_next--;
		}
		return;
	}
	for (n = 0; n < 256; n++) {
		if (g->scan_next == NRECORDS) {
			g->scan_next = 0;
			g->stats.rounds++;
		}
		r = &shadow()->records[g->scan_next++];
		if (!r->key || !is_registered(r) || r->shadow == BARE)
			continue;
		g->stats.scans++;
		i = first_difference(r);
		if (i < 1024) {
			u32 *mem = phys_to_virt(r->key >> 8 << 12);

			g->scan_pfn = r->key >> 8;
			g->scan_entry = i;
			g->scan_value = mem[i];
			g->scan_when = rdtsc();
		}
		return;
	}
}

/* At the end of a run: no update can be half way done. */
void scan_all(void)
{
	struct record *r;
	u32 flags, i;

	if (!CHECKING || !globals()->shadow)
		return;
	flags = lock();
	for (i = 0; i < NRECORDS; i++) {
		r = &shadow()->records[i];
		if (r->key && is_registered(r))
			verify(36, r);
	}
	unlock(flags);
}

/* Give the entry the accessed bit back, if it still maps the same page. */
static void disarm(struct defer *d)
{
	if (d->armed && (d->lo & PTE_A) &&
	    !((*d->entry ^ d->lo) & (~0xfff | PTE_P)))
		asm volatile("lock orl %1, %0"
			     : "+m" (*d->entry) : "i" (PTE_A) : "memory", "cc");
	d->armed = 0;
}

/* Deferred updates become final; called with the lock held. */
static void finish_deferred(struct cpu *cpu)
{
	struct globals *g = globals();
	u32 i, cur;

	if (cpu->ndefer) {
		g->stats.flushes++;
		g->stats.pending -= cpu->ndefer;
	}
	for (i = 0; i < cpu->ndefer; i++) {
		struct defer *d = &cpu->defer[i];

		if (!d->armed)
			continue;
		cur = *d->entry;
		if (!((cur ^ d->lo) & ~PTE_AD) && (cur & PTE_A))
			violation(V_STALE_DEFER, CALL_SetLazy, d->va, cur);
		else
			disarm(d);
	}
	cpu->ndefer = 0;
}

void flush_deferred(struct cpu *cpu)
{
	u32 flags;

	if (!CHECKING || !cpu->ndefer)
		return;
	flags = lock();
	finish_deferred(cpu);
	unlock(flags);
}

/*
 * What has to see the updates of a CPU is under way: another CPU is told, or
 * user mode goes on. The guest should have flushed.
 */
void check_pending(u32 call, u32 value)
{
	struct cpu *cpu;
	u32 flags;

	if (!CHECKING || !globals()->stats.pending)
		return;
	flags = lock();
	cpu = this_cpu();
	if (cpu->ndefer) {
		violation(V_STALE_DEFER, call, cpu->defer[0].va, value);
		finish_deferred(cpu);
	}
	unlock(flags);
}

static void forget_deferred(struct cpu *cpu, const u32 *entry)
{
	u32 i;

	for (i = 0; i < cpu->ndefer; i++)
		if (cpu->defer[i].entry == entry)
			disarm(&cpu->defer[i]);
}

/*
 * May the accessed bit tell that this CPU uses an entry? Another one that has
 * the address space loaded may use a user mapping at any time. The guest has
 * to load address spaces through SetCR3 for this to be known.
 */
static bool may_arm(struct cpu *cpu, u32 va)
{
	struct state *s = state();
	u32 i;

	if (s->g.ncpus == 1 || va >= s->g.delta)
		return true;
	for (i = 0; i < s->g.ncpus; i++)
		if (&s->cpus[i] != cpu && s->cpus[i].cr3 == cpu->cr3)
			return false;
	return cpu->cr3 == read_cr3();
}

/* A CPU loads an address space: others no longer have it to themselves. */
static void share_root(struct cpu *cpu, u32 cr3)
{
	struct state *s = state();
	u32 i, n;

	cpu->cr3 = cr3;
	for (i = 0; i < s->g.ncpus; i++)
		if (&s->cpus[i] != cpu && s->cpus[i].cr3 == cr3)
			for (n = 0; n < s->cpus[i].ndefer; n++)
				if (s->cpus[i].defer[n].va < s->g.delta)
					disarm(&s->cpus[i].defer[n]);
}

static void defer(struct cpu *cpu, u32 *entry, u32 phys, u32 lo, u32 armed,
		  u32 flags)
{
	struct defer *d;

	if (cpu->ndefer == NDEFER)
		finish_deferred(cpu);
	globals()->stats.deferred++;
	globals()->stats.pending++;
	d = &cpu->defer[cpu->ndefer++];
	d->entry = entry;
	d->phys = phys;
	d->lo = lo;
	d->armed = armed;
	d->va = flags & ~0xfff;
}

/* The page of the table that holds the entry for an address, of one level. */
static u32 table_of(u32 va, u32 level)
{
	struct globals *g = globals();
	u32 *p;

	if (!g->pae) {
		p = phys_to_virt(read_cr3() & ~0xfff);
		return level == PAGE_PD ? read_cr3() >> 12 : p[va >> 22] >> 12;
	}
	p = phys_to_virt(read_cr3() & ~31);
	p += (va >> 30) * 2;
	if (level == PAGE_PD)
		return p[0] >> 12;
	if (!(p[0] & PTE_P))
		return 0;
	p = phys_to_virt(p[0] & ~0xfff);
	return p[((va >> 21) & 511) * 2] >> 12;
}

static void check_va(u32 call, u32 level, u32 phys, u32 flags)
{
	struct globals *g = globals();
	u32 va = flags & ~0xfff, index;

	if (va >= VIRTUAL_TOP)
		violation(V_VIRTUAL_TOP, call, va, phys);
	index = (phys & 0xfff) / (entry_words() * 4);
	if (level == PAGE_PT)
		va = g->pae ? va >> 12 & 511 : va >> 12 & 1023;
	else if (level == PAGE_PD)
		va = g->pae ? va >> 21 & 511 : va >> 22;
	else
		va = va >> 30, index &= 3;
	if (index != va) {
		violation(V_VA, call, flags, phys);
		return;
	}
	/* Kernel mappings reach the tables in use late, on first access. */
	va = flags & ~0xfff;
	if (level != PAGE_PDP && va < g->delta && table_of(va, level) != phys >> 12)
		violation(V_VA, call, flags, phys);
}

/*
 * What SetPxE* and UpdatePxE* have in common. Returns the record of the
 * table, NULL for one that is not registered.
 */
static struct record *check_update(u32 call, u32 *entry, u32 flags, u32 phys)
{
	u32 level = flags & PAGE_LEVELS;
	bool wide = call == CALL_SetPxELong || call == CALL_UpdatePxELong;
	struct record *r;

	if (!this_cpu()->linear[0].pages)
		violation(V_NO_LINEAR, call, (u32)entry, flags);
	if ((flags & UPDATE_UNKNOWN) || (u32)entry % (wide ? 8 : 4))
		violation(V_FLAGS, call, (u32)entry, flags);
	if ((level & (level - 1)) || !(level & 7))
		violation(V_LEVEL, call, (u32)entry, flags);
	if ((flags & (UPDATE_DEFER | UPDATE_CURRENT)) == UPDATE_DEFER)
		violation(V_DEFER_FLAG, call, (u32)entry, flags);
	if (wide != !!globals()->pae)
		violation(V_PAE, call, (u32)entry, flags);
	if (flags & UPDATE_CURRENT)
		check_va(call, level, phys, flags);
	if (!globals()->shadow)
		return NULL;
	r = find(phys >> 12);
	if (!is_registered(r))
		return NULL;
	if ((r->key & PAGE_LEVELS) != level)
		violation(V_LEVEL, call, (u32)entry, flags);
	return r;
}

/* A mapping in the hypervisor's part of the address space */
static void check_top(u32 call, u32 level, u32 phys, u32 lo)
{
	u32 mine = rom_info.shadow_phys, first = VIRTUAL_TOP >> 22, *root;

	if (level != PAGE_PD || !(lo & PTE_P) ||
	    (lo & ~0xfff) - mine < SHADOW_SIZE)
		return;
	/* Of the four directories the last one covers it. */
	if (globals()->pae) {
		root = phys_to_virt(read_cr3() & ~31);
		if (!(root[6] & PTE_P) || phys >> 12 != root[6] >> 12)
			return;
		first = (VIRTUAL_TOP >> 21 & 511) * 2;
	}
	if ((phys & 0xfff) / 4 >= first)
		violation(V_VIRTUAL_TOP, call, phys, lo);
}

static void store(u32 call, u32 *entry, u32 lo, u32 hi)
{
	if (call == CALL_SetPxELong)
		write64(entry, lo, hi);
	else
		*(volatile u32 *)entry = lo;
}

/* Copy and links follow a change that was announced. */
static void follow(u32 call, struct record *r, u32 phys, const u32 *new)
{
	u32 *copy = copy_of(r);

	if (globals()->shadow)
		check_link(call, r->key, phys, new);
	if (!copy)
		return;
	copy += (phys & 0xfff) / 4;
	count_link(r->key, copy, -1);
	take_copy(copy, new);
	count_link(r->key, copy, 1);
}

static void set_entry(u32 call, u32 *entry, u32 lo, u32 hi, u32 flags)
{
	u32 irq, phys, index, new[2] = { lo, hi }, armed = 0;
	struct globals *g = globals();
	struct record *r;
	struct cpu *cpu;
	u32 *copy;

	if (!CHECKING) {
		store(call, entry, lo, hi);
		return;
	}
	irq = lock();
	cpu = this_cpu();
	phys = virt_to_phys((u32)entry);
	r = check_update(call, entry, flags, phys);
	check_top(call, flags & PAGE_LEVELS, phys, lo);
	forget_deferred(cpu, entry);
	if ((flags & UPDATE_DEFER) && (flags & PAGE_PT) && (lo & PTE_P))
		armed = may_arm(cpu, flags & ~0xfff);
	if (armed)
		new[0] = lo & ~PTE_A;
	if (r) {
		copy = copy_of(r);
		index = (phys & 0xfff) / 4;
		if (copy && changed(entry, &copy[index]))
			violation(V_RAW_WRITE, call, phys, entry[0]);
		follow(call, r, phys, new);
	} else if (g->shadow && (flags & PAGE_PDP)) {
		check_link(call, PAGE_PDP, phys, new);
	}
	store(call, entry, new[0], hi);
	if (flags & UPDATE_DEFER)
		defer(cpu, entry, phys, lo, armed, flags);
	unlock(irq);
}

void vmi_SetPxE(u32 lo, u32 *entry, u32 flags);
void vmi_SetPxE(u32 lo, u32 *entry, u32 flags)
{
	set_entry(CALL_SetPxE, entry, lo, 0, flags);
}

void vmi_SetPxELong(u32 lo, u32 hi, u32 *entry, u32 flags);
void vmi_SetPxELong(u32 lo, u32 hi, u32 *entry, u32 flags)
{
	set_entry(CALL_SetPxELong, entry, lo, hi, flags);
}

static void update_entry(u32 call, u32 *entry, u32 flags)
{
	u32 irq, phys, lo, armed = 0;
	struct record *r;
	struct cpu *cpu;

	if (!CHECKING)
		return;
	irq = lock();
	cpu = this_cpu();
	phys = virt_to_phys((u32)entry);
	r = check_update(call, entry, flags, phys);
	forget_deferred(cpu, entry);
	lo = entry[0];
	if ((flags & UPDATE_DEFER) && (flags & PAGE_PT) && (lo & PTE_P))
		armed = may_arm(cpu, flags & ~0xfff);
	if (armed)
		asm volatile("lock andl %1, %0"
			     : "+m" (*entry) : "i" (~PTE_A) : "memory", "cc");
	if (r)
		follow(call, r, phys, entry);
	if (flags & UPDATE_DEFER)
		defer(cpu, entry, phys, lo, armed, flags);
	unlock(irq);
}

void vmi_UpdatePxE(u32 *entry, u32 flags);
void vmi_UpdatePxE(u32 *entry, u32 flags)
{
	update_entry(CALL_UpdatePxE, entry, flags);
}

void vmi_UpdatePxELong(u32 *entry, u32 flags);
void vmi_UpdatePxELong(u32 *entry, u32 flags)
{
	update_entry(CALL_UpdatePxELong, entry, flags);
}

/* There is no machine memory below: both are the identity. */
u32 vmi_MachineToPhysical(u32 x);
u32 vmi_MachineToPhysical(u32 x)
{
	return x;
}

u32 vmi_PhysicalToMachine(u32 x);
u32 vmi_PhysicalToMachine(u32 x)
{
	return x;
}

static void check_zeroed(u32 pfn, const u32 *mem)
{
	u32 i;

	for (i = 0; i < 1024; i++)
		if (mem[i]) {
			violation(V_NOT_ZEROED, CALL_AllocatePage,
				  (pfn << 12) + i * 4, mem[i]);
			return;
		}
}

static void check_clone(u32 pfn, u32 type, u32 source, u32 first, u32 n)
{
	u32 *a = phys_to_virt(pfn << 12), *b = phys_to_virt(source << 12);
	struct record *r = find(source);
	u32 w = entry_words(), i;

	if (!r || ((r->key ^ type) & PAGE_LEVELS) ||
	    first > 1024 / w || n > 1024 / w - first) {
		violation(V_CLONE, CALL_AllocatePage, pfn, source);
		return;
	}
	for (i = first * w; i < (first + n) * w; i += w)
		if (differs(&a[i], &b[i])) {
			violation(V_CLONE, CALL_AllocatePage,
				  (pfn << 12) + i * 4, a[i]);
			return;
		}
}

/* Start to follow a table: copy what is there, count where it points. */
static void track(struct record *r)
{
	struct globals *g = globals();
	struct shadow *s = shadow();
	u32 *mem = phys_to_virt(r->key >> 8 << 12), *copy;
	u32 w = entry_words(), i;

	if (++g->stats.tracked > g->stats.tracked_max)
		g->stats.tracked_max = g->stats.tracked;
	if (!s->nfree || (r->key & PAGE_BARE)) {
		g->stats.untracked++;
		return;
	}
	r->shadow = s->free[--s->nfree];
	copy = copy_of(r);
	for (i = 0; i < 1024; i += w) {
		take_copy(&copy[i], &mem[i]);
		if (r->key & PAGE_PDP)
			continue;
		check_link(CALL_AllocatePage, r->key,
			   (r->key >> 8 << 12) + i * 4, &mem[i]);
		count_link(r->key, &mem[i], 1);
	}
}

static void release(u32 pfn, u32 flags);

void vmi_AllocatePage(u32 pfn, u32 flags, u32 source, u32 first, u32 n);
void vmi_AllocatePage(u32 pfn, u32 flags, u32 source, u32 first, u32 n)
{
	struct globals *g = globals();
	struct linear *l = this_cpu()->linear;
	u32 type = flags & (PAGE_LEVELS | PAGE_PAE), level = flags & PAGE_LEVELS;
	struct record *r;
	u32 irq;

	if (!CHECKING)
		return;
	if (!flags) {
		release(pfn, 0);
		return;
	}
	if (!l[0].pages)
		violation(V_NO_LINEAR, CALL_AllocatePage, pfn, flags);
	if (flags & ~0x7f)
		violation(V_FLAGS, CALL_AllocatePage, pfn, flags);
	if ((level & (level - 1)) || !(level & 7))
		violation(V_LEVEL, CALL_AllocatePage, pfn, flags);
	if (!(flags & PAGE_PAE) != !g->pae)
		violation(V_PAE, CALL_AllocatePage, pfn, flags);
	if (!g->shadow || !(level & 7))
		return;

	irq = lock();
	/* A page that low memory does not map cannot be read from here. */
	if (l[0].pages && pfn - l[0].pfn >= l[0].pages) {
		violation(V_NO_LINEAR, CALL_AllocatePage, pfn, flags);
		type |= PAGE_BARE;
	}
	if (!(type & PAGE_BARE)) {
		if (flags & PAGE_ZEROED)
			check_zeroed(pfn, phys_to_virt(pfn << 12));
		if (flags & PAGE_CLONE)
			check_clone(pfn, type, source, first, n);
	}
	r = find(pfn);
	if (is_registered(r)) {
		violation(V_ALLOC_TWICE, CALL_AllocatePage, pfn, flags);
	} else {
		if (!r)
			r = insert(pfn, type);
		if (r) {
			r->key = pfn << 8 | type;
			track(r);
		} else {
			g->stats.untracked++;
		}
	}
	unlock(irq);
}

static void check_release(u32 pfn, const struct record *r)
{
	struct state *s = state();
	u32 c, i;

	for (c = 0; c < s->g.ncpus; c++)
		for (i = 0; i < s->cpus[c].ndefer; i++)
			if (s->cpus[c].defer[i].phys >> 12 == pfn) {
				violation(V_STALE_DEFER, CALL_ReleasePage,
					  s->cpus[c].defer[i].phys, pfn);
				s->cpus[c].defer[i].armed = 0;
			}
	verify(CALL_ReleasePage, r);
	if (r->links || (!s->g.pae && read_cr3() >> 12 == pfn))
		violation(V_REL_LINKED, CALL_ReleasePage, pfn, r->links);
}

static void release(u32 pfn, u32 flags)
{
	struct globals *g = globals();
	struct record *r;
	u32 irq, i, *copy;

	if (!g->shadow)
		return;
	irq = lock();
	r = find(pfn);
	if (!r) {
		violation(V_REL_UNREG, CALL_ReleasePage, pfn, flags);
		goto out;
	}
	if (flags && ((r->key ^ flags) & PAGE_LEVELS))
		violation(V_LEVEL, CALL_ReleasePage, pfn, flags);
	if (is_registered(r)) {
		check_release(pfn, r);
		g->stats.tracked--;
		copy = copy_of(r);
		for (i = 0; copy && i < 1024; i += entry_words())
			count_link(r->key, &copy[i], -1);
		r = find(pfn);
	}
	remove(r);
out:
	unlock(irq);
}

void vmi_ReleasePage(u32 pfn, u32 flags);
void vmi_ReleasePage(u32 pfn, u32 flags)
{
	if (!CHECKING)
		return;
	if (flags & ~0x7f)
		violation(V_FLAGS, CALL_ReleasePage, pfn, flags);
	if (!(flags & PAGE_PAE) != !globals()->pae)
		violation(V_PAE, CALL_ReleasePage, pfn, flags);
	release(pfn, flags);
}

void vmi_SetCR2(u32 v);
void vmi_SetCR2(u32 v)
{
	write_cr2(v);
}

/* What the root refers to has to be registered, or adopted. */
static void check_root(u32 cr3)
{
	u32 *p, i;

	if (!globals()->pae) {
		struct record *r = find(cr3 >> 12);

		if (!r || !(r->key & PAGE_PD))
			violation(V_UNREG_LINK, CALL_SetCR3, cr3, 0);
		return;
	}
	p = phys_to_virt(cr3 & ~31);
	for (i = 0; i < 8; i += 2)
		check_link(CALL_SetCR3, PAGE_PDP, (cr3 & ~31) + i * 4, &p[i]);
}

void vmi_SetCR3(u32 v);
void vmi_SetCR3(u32 v)
{
	u32 irq;

	if (CHECKING) {
		irq = lock();
		finish_deferred(this_cpu());
		share_root(this_cpu(), v);
		if (globals()->shadow)
			check_root(v);
		scan_one();
		unlock(irq);
		check_tables(CALL_SetCR3);
	}
	write_cr3(v);
}

u32 vmi_GetCR2(void);
u32 vmi_GetCR2(void)
{
	return read_cr2();
}

u32 vmi_GetCR3(void);
u32 vmi_GetCR3(void)
{
	return read_cr3();
}

void vmi_InvalPage(u32 va);
void vmi_InvalPage(u32 va)
{
	flush_deferred(this_cpu());
	asm volatile("invlpg (%0)" : : "r" (va) : "memory");
}

void vmi_FlushTLB(u32 flags);
void vmi_FlushTLB(u32 flags)
{
	u32 cr4 = read_cr4(), irq;

	if (CHECKING) {
		if (!flags || (flags & ~3))
			violation(V_FLAGS, CALL_FlushTLB, flags, 0);
		irq = lock();
		finish_deferred(this_cpu());
		scan_one();
		unlock(irq);
	}
	/* Turning global pages off and on flushes everything. */
	irq = irq_save();
	if ((flags & 2) && (cr4 & 0x80)) {
		write_cr4(cr4 & ~0x80);
		write_cr4(cr4);
	} else {
		write_cr3(read_cr3());
	}
	irq_restore(irq);
}

void vmi_SetLinearMapping(u32 slot, u32 va, u32 pages, u32 pfn);
void vmi_SetLinearMapping(u32 slot, u32 va, u32 pages, u32 pfn)
{
	struct linear *l = this_cpu()->linear;

	if (slot > 3 || (va & 0xfff) ||
	    (!slot && va - (pfn << 12) != globals()->delta)) {
		violation(V_FLAGS, CALL_SetLinear, slot, va);
		return;
	}
	l[slot].va = va;
	l[slot].pages = pages;
	l[slot].pfn = pfn;
}

void vmi_SetLazyMode(u32 mode);
void vmi_SetLazyMode(u32 mode)
{
	struct cpu *cpu;

	if (!CHECKING)
		return;
	cpu = this_cpu();
	/* The modes do not nest: from one to the other only through none. */
	if (mode > 2 || (mode && cpu->lazy))
		violation(V_LAZY, CALL_SetLazy, cpu->lazy, mode);
	/* It is leaving the mode that flushes, and nothing else. */
	if (cpu->lazy == LAZY_MMU)
		flush_deferred(cpu);
	cpu->lazy = mode;
}

static void adopt(u32 pfn, u32 type)
{
	if (!find(pfn))
		insert(pfn, type | PAGE_ADOPTED);
}

static void adopt_directory(u32 pfn)
{
	u32 *p = phys_to_virt(pfn << 12), w = entry_words(), i;

	adopt(pfn, PAGE_PD);
	for (i = 0; i < 1024; i += w)
		if ((p[i] & PTE_P) && !(p[i] & PTE_PS))
			adopt(p[i] >> 12, PAGE_PT);
}

/* Map the shadow block at the top; what is there must be free. */
static bool map_shadow(struct globals *g)
{
	u32 phys = rom_info.shadow_phys, nx = 0, *p, i;

	if (!phys)
		return false;
	if (g->pae) {
		p = phys_to_virt(read_cr3() & ~31);
		if (!(p[6] & PTE_P))
			return false;
		p = phys_to_virt(p[6] & ~0xfff);
		p += (VIRTUAL_TOP >> 21 & 511) * 2;
		if (rdmsr(0xc0000080) & 0x800)
			nx = 0x80000000;
		for (i = 0; i < SHADOW_SIZE >> 21; i++)
			if (p[i * 2] & PTE_P)
				return false;
		for (i = 0; i < SHADOW_SIZE >> 21; i++)
			write64(&p[i * 2], phys + (i << 21) + 0xe3, nx);
		return true;
	}
	if (!(read_cr4() & 0x10))
		return false;
	p = phys_to_virt(read_cr3() & ~0xfff);
	p += VIRTUAL_TOP >> 22;
	for (i = 0; i < SHADOW_SIZE >> 22; i++)
		if (p[i] & PTE_P)
			return false;
	for (i = 0; i < SHADOW_SIZE >> 22; i++)
		p[i] = phys + (i << 22) + 0xe3;
	return true;
}

void mmu_init(void)
{
	struct globals *g = globals();
	struct shadow *s = (struct shadow *)SHADOW_LINEAR;
	u32 i, *p;

	g->pae = !!(read_cr4() & 0x20);
	if (!CHECKING || !map_shadow(g)) {
		print("vmi-rom: page tables are not followed\n");
		return;
	}
	g->shadow = SHADOW_LINEAR;
	for (i = 0; i < NRECORDS; i++)
		s->records[i].key = 0;
	for (i = 0; i < NPAGES; i++)
		s->free[i] = i;
	s->nfree = NPAGES;
	s->nrecords = 0;
	if (!g->pae) {
		adopt_directory(read_cr3() >> 12);
		return;
	}
	p = phys_to_virt(read_cr3() & ~31);
	for (i = 0; i < 8; i += 2)
		if (p[i] & PTE_P)
			adopt_directory(p[i] >> 12);
}
