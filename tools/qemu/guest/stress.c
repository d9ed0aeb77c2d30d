// SPDX-License-Identifier: GPL-2.0
/*
 * stress SECONDS [NAME...]: work the paravirt operations hard from user space,
 * all tests at once, and check each result.
 *
 * Each test is a function that does one round and returns NULL, or says what
 * went wrong.  It is repeated in a process of its own until time is up.  A test
 * that cannot finish a single round fails.
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <errno.h>
#include <linux/filter.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE		4096u
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define GRACE		60
#define DIRTY_PAGES	256

static sigjmp_buf escape;
static volatile sig_atomic_t caught;

static void on_fault(int sig)
{
	caught = sig;
	siglongjmp(escape, 1);
}

static void catch(int sig, void (*handler)(int))
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_NODEFER };

	sigaction(sig, &sa, NULL);
}

static char *map(size_t pages)
{
	char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Does a write to *p fault? */
static int write_faults(volatile char *p, char value)
{
	caught = 0;
	catch(SIGSEGV, on_fault);
	if (!sigsetjmp(escape, 1))
		*p = value;
	catch(SIGSEGV, SIG_DFL);
	return caught == SIGSEGV;
}

/* Exit status of a child, or -1 when it did not exit. */
static int reap(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* The child sees a copy of memory, the parent does not see its writes. */
static const char *test_fork(unsigned int round)
{
	static char *mem;
	unsigned int i;
	pid_t pid;

	if (!mem) {
		mem = map(64);
		if (!mem)
			return "no memory";
	}
	for (i = 0; i < 64; i++)
		mem[i * PAGE] = round + i;

	pid = fork();
	if (!pid) {
		for (i = 0; i < 64; i++) {
			if (mem[i * PAGE] != (char)(round + i))
				_exit(1);
			mem[i * PAGE] = 0x5a;
		}
		_exit(42);
	}
	if (pid < 0 || reap(pid) != 42)
		return "the child saw other memory";
	for (i = 0; i < 64; i++)
		if (mem[i * PAGE] != (char)(round + i))
			return "the child's writes reached the parent";
	return NULL;
}

static const char *test_exec(unsigned int round)
{
	char number[12];
	pid_t pid;

	snprintf(number, sizeof(number), "%u", round % 200);
	pid = fork();
	if (!pid) {
		execl("/proc/self/exe", "stress", "--exit", number, NULL);
		_exit(255);
	}
	if (pid < 0 || reap(pid) != (int)(round % 200))
		return "the new program gave another exit status";
	return NULL;
}

static const char *test_mmap(unsigned int round)
{
	size_t pages = 1 + round % 700, i;
	char *p = map(pages), *q;

	if (!p)
		return "mmap failed";
	for (i = 0; i < pages; i++) {
		if (p[i * PAGE])
			return "new memory is not zero";
		p[i * PAGE] = i ^ round;
	}
	q = mremap(p, pages * PAGE, 2 * pages * PAGE, MREMAP_MAYMOVE);
	if (q == MAP_FAILED)
		return "mremap failed";
	for (i = 0; i < pages; i++)
		if (q[i * PAGE] != (char)(i ^ round) || q[(pages + i) * PAGE])
			return "mremap changed memory";
	if (munmap(q, 2 * pages * PAGE))
		return "munmap failed";
	if (!write_faults(q, 1))
		return "unmapped memory can be written";
	return NULL;
}

static const char *test_mprotect(unsigned int round)
{
	static char *mem;
	unsigned int i, page = round % 64;

	if (!mem) {
		mem = map(64);
		if (!mem)
			return "no memory";
	}
	for (i = 0; i < 64; i++)
		mem[i * PAGE] = round;
	if (mprotect(mem, 64 * PAGE, PROT_READ))
		return "mprotect failed";
	if (!write_faults(mem + page * PAGE, 1))
		return "read-only memory can be written";
	if (mprotect(mem + page * PAGE, PAGE, PROT_NONE))
		return "mprotect to none failed";
	if (!write_faults(mem + page * PAGE, 1))
		return "inaccessible memory can be written";
	if (mprotect(mem, 64 * PAGE, PROT_READ | PROT_WRITE))
		return "mprotect back failed";
	for (i = 0; i < 64; i++)
		if (mem[i * PAGE] != (char)round)
			return "mprotect changed memory";
	return write_faults(mem, 2) ? "writable memory faults" : NULL;
}

static char *shared;
static volatile int stop;

static void *discard(void *unused)
{
	while (!stop)
		madvise(shared, 1024 * PAGE, MADV_DONTNEED);
	return unused;
}

/* Is there a huge page in use, or none to be had? */
static int have_huge_page(void)
{
	unsigned long size = 0;
	char line[80];
	FILE *f;

	if (access("/sys/kernel/mm/transparent_hugepage", F_OK))
		return 1;
	f = fopen("/proc/meminfo", "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "AnonHugePages: %lu", &size) == 1)
			break;
	if (f)
		fclose(f);
	return size > 0;
}

/*
 * Pages of a huge mapping vanish under a thread that touches them: a torn read
 * of a 64-bit entry on PAE shows as a wrong value, or kills the kernel.
 */
static const char *test_dontneed(unsigned int round)
{
	pthread_t other;
	unsigned int i, n;

	if (!shared) {
		shared = map(2048);
		if (!shared)
			return "no memory";
		shared = (char *)(((uintptr_t)shared + 1024 * PAGE - 1) &
				  ~(uintptr_t)(1024 * PAGE - 1));
		if (madvise(shared, 1024 * PAGE, MADV_DONTNEED))
			return "memory cannot be discarded";
		if (!madvise(shared, 1024 * PAGE, MADV_HUGEPAGE)) {
			*shared = 0;
			if (!have_huge_page())
				return "no huge page";
		}
	}
	stop = 0;
	if (pthread_create(&other, NULL, discard, NULL))
		return "no thread";
	for (n = 0; n < 20; n++) {
		for (i = 0; i < 1024; i += 7) {
			volatile char *p = shared + i * PAGE + n % PAGE;
			char c = *p;

			if (c && c != 0x11)
				stop = 2;
			*p = 0x11;
		}
	}
	n = stop;
	stop = 1;
	pthread_join(other, NULL);
	return n == 2 ? "discarded memory holds something else" : NULL;
}

/* Write to each page once, wherever the other thread is. */
static void *write_pages(void *unused)
{
	volatile unsigned int wait;
	unsigned int i;

	for (i = 0; i < DIRTY_PAGES; i++) {
		shared[i * PAGE] = i;
		for (wait = 100; wait; wait--)
			;
	}
	stop = 1;
	return unused;
}

/* How many pages at @shared does a line of smaps count, or -1? */
static int smaps_pages(const char *name)
{
	unsigned long start, size = 0;
	char line[200], format[40];
	int found = 0;
	FILE *f = fopen("/proc/self/smaps", "r");

	snprintf(format, sizeof(format), "%s: %%lu", name);
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-", &start) == 1 && strchr(line, '-'))
			found = start == (uintptr_t)shared;
		else if (found && sscanf(line, format, &size) == 1)
			break;
	}
	if (!f || feof(f))
		found = 0;
	if (f)
		fclose(f);
	return found ? size * 1024 / PAGE : -1;
}

/* How many pages at @shared does the kernel know to be written to, or -1? */
static int dirty_pages(void)
{
	return smaps_pages("Private_Dirty");
}

/* A mapping of its own, not next to others, for smaps to count. */
static char *map_alone(size_t pages)
{
	char *p = map(pages + 2);

	if (!p)
		return NULL;
	mprotect(p, PAGE, PROT_NONE);
	mprotect(p + (pages + 1) * PAGE, PAGE, PROT_NONE);
	return p + PAGE;
}

/*
 * A page that is written to while mprotect() changes its entry stays dirty: the
 * CPU sets that bit at any time.  MADV_FREE is what makes pages clean.
 */
static const char *test_dirty(unsigned int round)
{
	pthread_t other;
	int dirty;

	if (!shared) {
		shared = map_alone(DIRTY_PAGES);
		if (!shared)
			return "no memory";
		memset(shared, 1, DIRTY_PAGES * PAGE);
		if (dirty_pages() != DIRTY_PAGES)
			return "smaps does not tell which pages are dirty";
	}
	if (madvise(shared, DIRTY_PAGES * PAGE, MADV_FREE))
		return "memory cannot be freed";
	if (dirty_pages())
		return "freed memory is dirty";
	stop = 0;
	if (pthread_create(&other, NULL, write_pages, NULL))
		return "no thread";
	while (!stop) {
		if (mprotect(shared, DIRTY_PAGES * PAGE,
			     PROT_READ | PROT_WRITE | PROT_EXEC) ||
		    mprotect(shared, DIRTY_PAGES * PAGE,
			     PROT_READ | PROT_WRITE))
			stop = 2;
	}
	dirty = stop;
	pthread_join(other, NULL);
	if (dirty == 2)
		return "mprotect failed";
	dirty = dirty_pages();
	errno = dirty;
	return dirty == DIRTY_PAGES ? NULL :
	       "not all written pages are dirty, but as many as errno says";
}

/* Read and write each page again and again: it holds what was written. */
static void *touch_pages(void *unused)
{
	static char value;
	unsigned int i;

	while (!stop) {
		for (i = 0; i < DIRTY_PAGES; i++) {
			volatile char *p = shared + i * PAGE;

			if (*p != value)
				return "memory changed";
			*p = value + 1;
		}
		value++;
	}
	return unused;
}

/* Forget which pages have been used. */
static int clear_refs(void)
{
	FILE *f = fopen("/proc/self/clear_refs", "w");

	if (!f)
		return -1;
	fputc('1', f);
	return fclose(f);
}

/*
 * The accessed bits of pages are taken away under a thread that uses them, which
 * must not notice; and they say which pages have been used since.
 */
static const char *test_young(unsigned int round)
{
	unsigned int n, used = round % DIRTY_PAGES;
	void *wrong = NULL;
	pthread_t other;
	volatile char c;

	if (!shared) {
		shared = map_alone(DIRTY_PAGES);
		if (!shared)
			return "no memory";
		/* Pages that were only read are the zero page, which has no say. */
		memset(shared, 0, DIRTY_PAGES * PAGE);
	}
	stop = 0;
	if (pthread_create(&other, NULL, touch_pages, NULL))
		return "no thread";
	for (n = 0; n < 20; n++)
		if (clear_refs())
			break;
	stop = 1;
	pthread_join(other, &wrong);
	if (wrong)
		return wrong;
	if (n < 20 || clear_refs())
		return "accessed bits cannot be cleared";
	if (smaps_pages("Referenced"))
		return "pages have been used by nobody";
	/* The CPU remembers what it has read of an entry. */
	if (mprotect(shared, DIRTY_PAGES * PAGE, PROT_READ) ||
	    mprotect(shared, DIRTY_PAGES * PAGE, PROT_READ | PROT_WRITE))
		return "mprotect failed";
	for (n = 0; n < used; n++)
		c = shared[n * PAGE];
	(void)c;
	n = smaps_pages("Referenced");
	errno = n;
	return n == used ? NULL : "not all pages that were used say so, errno do";
}

static volatile int signals;

static void on_signal(int sig)
{
	signals += sig == SIGUSR1;
}

static const char *test_signal(unsigned int round)
{
	sigset_t set, old;
	int i;

	catch(SIGUSR1, on_signal);
	signals = 0;
	for (i = 0; i < 20; i++)
		raise(SIGUSR1);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	kill(getpid(), SIGUSR1);
	if (signals != 20)
		return "a blocked signal was delivered";
	sigprocmask(SIG_SETMASK, &old, NULL);
	return signals == 21 ? NULL : "signals were lost";
}

#ifdef __i386__
/* Data is not code: what is not mapped executable cannot be executed. */
static const char *test_nx(unsigned int round)
{
	static const unsigned char ret = 0xc3;
	char *p = map(2);
	int bad;

	if (!p)
		return "no memory";
	p[0] = ret;
	p[PAGE] = ret;
	if (mprotect(p, PAGE, PROT_READ | PROT_EXEC))
		return "mprotect failed";
	catch(SIGSEGV, on_fault);
	caught = 0;
	if (!sigsetjmp(escape, 1))
		((void (*)(void))p)();
	bad = caught;
	caught = 0;
	if (!sigsetjmp(escape, 1))
		((void (*)(void))(p + PAGE))();
	catch(SIGSEGV, SIG_DFL);
	munmap(p, 2 * PAGE);
	if (bad)
		return "code faults";
	return caught ? NULL : "data can be executed";
}
#endif

/* Two processes hand a number back and forth, with their FPU state loaded. */
static const char *test_pipe(unsigned int round)
{
	volatile double mine = round + 0.25, theirs = round + 0.75;
	int to[2], from[2], i, n, bad = 0;
	pid_t pid;

	if (pipe(to) || pipe(from))
		return "no pipe";
	pid = fork();
	if (!pid) {
		for (i = 0; i < 50; i++) {
			if (read(to[0], &n, sizeof(n)) != sizeof(n) || n != i)
				_exit(1);
			theirs = theirs * 2 / 2;
			n = -n;
			if (write(from[1], &n, sizeof(n)) != sizeof(n))
				_exit(2);
		}
		_exit(theirs == round + 0.75 ? 0 : 3);
	}
	for (i = 0; i < 50 && pid > 0; i++) {
		n = i;
		mine = mine * 4 / 4;
		if (write(to[1], &n, sizeof(n)) != sizeof(n) ||
		    read(from[0], &n, sizeof(n)) != sizeof(n) || n != -i) {
			bad = 1;
			break;
		}
	}
	close(to[0]);
	close(to[1]);
	close(from[0]);
	close(from[1]);
	if (pid < 0 || reap(pid) || bad || mine != round + 0.25)
		return "a number or an FPU register changed";
	return NULL;
}

#ifdef __i386__
/* x87 and SSE registers survive being scheduled away. */
static const char *test_fpu(unsigned int round)
{
	uint32_t in[4] = { round, ~round, round * 3, 0xdeadbeef }, out[4];
	double d = round + 0.5, e;

	asm volatile("movups %2, %%xmm5\n\t"
		     "fldl %3\n\t"
		     "movl $20, %%ecx\n"
		     "1:\n\t"
		     "movl %4, %%eax\n\t"
		     "int $0x80\n\t"
		     "decl %%ecx\n\t"
		     "jnz 1b\n\t"
		     "fstpl %1\n\t"
		     "movups %%xmm5, %0"
		     : "=m" (out), "=m" (e)
		     : "m" (in), "m" (d), "i" (SYS_sched_yield)
		     : "eax", "ecx", "memory");
	return memcmp(in, out, sizeof(in)) || d != e ?
		"a register changed" : NULL;
}

/* TLS segments of this process stay its own. */
static const char *test_tls(unsigned int round)
{
	static uint32_t *mem;
	struct user_desc d = {
		.entry_number	= -1,
		.limit		= 0xfff,
		.seg_32bit	= 1,
		.useable	= 1,
	};
	uint32_t got;
	int i;

	if (!mem)
		mem = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (mem == MAP_FAILED)
		return "no memory";
	mem[4] = getpid() ^ round;
	d.base_addr = (uintptr_t)mem;
	if (syscall(SYS_set_thread_area, &d))
		return "set_thread_area failed";
	for (i = 0; i < 20; i++) {
		asm volatile("movw %%fs, %%cx; movw %w1, %%fs\n\t"
			     "int $0x80\n\t"
			     "movl %%fs:16, %0; movw %%cx, %%fs"
			     : "=&d" (got)
			     : "b" (d.entry_number * 8 + 3),
			       "a" (SYS_sched_yield) : "ecx", "memory");
		if (got != mem[4])
			return "the TLS segment leads elsewhere";
	}
	memset(&d.base_addr, 0, sizeof(d) - sizeof(d.entry_number));
	d.read_exec_only = 1;
	d.seg_not_present = 1;
	return syscall(SYS_set_thread_area, &d) ?
		"TLS entry cannot be cleared" : NULL;
}

/*
 * A stack segment of 16 bits leaks the upper half of the kernel's ESP, so the
 * kernel takes no TLS entry of 16 bits.  Entries of 16-bit code are a way round.
 */
static const char *test_tls16(unsigned int round)
{
	struct user_desc d = {
		.entry_number	= -1,
		.base_addr	= round << 12,
		.limit		= 0xffff,
		.contents	= round % 4,
		.read_exec_only	= round >> 2 & 1,
		.limit_in_pages	= round >> 3 & 1,
		.useable	= round >> 4 & 1,
	};

	if (!syscall(SYS_set_thread_area, &d) || errno != EINVAL)
		return "a TLS entry of 16 bits is accepted";
	d.seg_32bit = 1;
	d.contents = MODIFY_LDT_CONTENTS_CODE;
	if (!syscall(SYS_set_thread_area, &d) || errno != EINVAL)
		return "a TLS entry of code is accepted";
	return NULL;
}

/*
 * A far call to any selector faults: there is no gate, in neither table nor
 * behind their limits, and what is code has nothing mapped at address 0.
 */
static const char *test_gate(unsigned int round)
{
	struct user_desc d = { .limit = 0, .seg_32bit = 1, .useable = 1 };
	struct {
		uint32_t offset;
		uint16_t selector;
	} __attribute__((packed)) far;
	unsigned int i;
	uint16_t own;

	asm("movw %%cs, %0" : "=r" (own));
	/* An LDT of one entry. */
	if (!round && syscall(SYS_modify_ldt, 1, &d, sizeof(d)))
		return "modify_ldt failed";
	catch(SIGSEGV, on_fault);
	catch(SIGBUS, on_fault);
	/*
	 * QEMU takes a far call's writes to the stack for the kernel's own.  So
	 * this program's segment is left out, which SMAP would not let it call,
	 * and the stack is touched first.
	 */
	for (i = 0; i < 64; i++) {
		far.offset = 0;
		far.selector = (round / 2 * 64 + i) * 4 % 0x10000 | 3;
		/* From both ends: a hypervisor has its own at the top. */
		if (round % 2)
			far.selector ^= 0xfffc;
		if (far.selector == own)
			continue;
		caught = 0;
		if (!sigsetjmp(escape, 1))
			asm volatile("pushl $0; pushl $0; addl $8, %%esp\n\t"
				     "lcall *(%0)" : : "r" (&far) :
				     "eax", "ecx", "edx", "memory", "cc");
		if (!caught)
			return "a far call leads somewhere";
	}
	return NULL;
}

/* A large LDT lives in vmalloc memory; a fork copies it. */
static const char *test_ldt(unsigned int round)
{
	static uint32_t *mem;
	struct user_desc d = {
		.limit		= 0xfff,
		.seg_32bit	= 1,
		.useable	= 1,
	};
	pid_t pid;

	if (!mem) {
		mem = (void *)map(1);
		if (!mem)
			return "no memory";
	}
	pid = fork();
	if (!pid) {
		uint32_t got;

		mem[2] = round;
		d.entry_number = 600 + round % 7000;
		d.base_addr = (uintptr_t)mem;
		if (syscall(SYS_modify_ldt, 1, &d, sizeof(d)))
			_exit(1);
		pid = fork();
		asm volatile("movw %w1, %%fs; movl %%fs:8, %0"
			     : "=r" (got) : "r" (d.entry_number * 8 + 7));
		if (pid < 0 || got != round)
			_exit(2);
		_exit(pid ? reap(pid) : 42);
	}
	return pid > 0 && reap(pid) == 42 ? NULL :
		"the LDT segment leads elsewhere";
}

/* Entry 0 of the LDT, RPL 3 */
#define LDT_SELECTOR	7u

static volatile struct {
	uint32_t loaded, freed;
	uint32_t ds, es, fs, gs;
} segments;

/* In between, only %ss is sure to work. */
static void *hold_segments(void *unused)
{
	unsigned int spin = 200000;

	asm volatile("pushl %%ds; pushl %%es; pushl %%fs; pushl %%gs\n\t"
		     "movw %w2, %%ds; movw %w2, %%es\n\t"
		     "movw %w2, %%fs; movw %w2, %%gs\n\t"
		     "movl $1, %%ss:(%1)\n"
		     "1:\tpause\n\t"
		     "cmpl $0, %%ss:4(%1)\n\t"
		     "je 1b\n"
		     "2:\tpause\n\t"
		     "decl %0\n\t"
		     "jnz 2b\n\t"
		     "movl %%ds, %0; movl %0, %%ss:8(%1)\n\t"
		     "movl %%es, %0; movl %0, %%ss:12(%1)\n\t"
		     "movl %%fs, %0; movl %0, %%ss:16(%1)\n\t"
		     "movl %%gs, %0; movl %0, %%ss:20(%1)\n\t"
		     "popl %%gs; popl %%fs; popl %%es; popl %%ds"
		     : "+r" (spin) : "r" (&segments), "r" (LDT_SELECTOR)
		     : "memory", "cc");
	return unused;
}

/*
 * modify_ldt with the descriptor in %gs, which the kernel leaves as it is while
 * it waits for other CPUs: who switches CPUs below it then, loads what is gone.
 */
static long write_ldt(const struct user_desc *d)
{
	long ret = SYS_modify_ldt;

	asm volatile("pushl %%gs; movw %w4, %%gs\n\t"
		     "int $0x80\n\t"
		     "popl %%gs"
		     : "+a" (ret)
		     : "b" (1), "c" (d), "d" (sizeof(*d)), "S" (LDT_SELECTOR)
		     : "memory");
	return ret;
}

/*
 * A thread takes away the descriptor of segments that it and another one have
 * loaded.  They become null when the kernel, or a hypervisor, loads them again.
 */
static const char *test_segments(unsigned int round)
{
	/* What the kernel reads by such a segment is not what it means. */
	struct user_desc d = {
		.base_addr	= 0x38000000,
		.limit		= 0xfffff,
		.seg_32bit	= 1,
		.limit_in_pages	= 1,
		.useable	= 1,
	};
	pthread_t holder;

	if (syscall(SYS_modify_ldt, 1, &d, sizeof(d)))
		return "modify_ldt failed";
	segments.loaded = 0;
	segments.freed = 0;
	if (pthread_create(&holder, NULL, hold_segments, NULL))
		return "no thread";
	while (!segments.loaded)
		sched_yield();
	/* All zero but these: no descriptor */
	d = (struct user_desc){ .read_exec_only = 1, .seg_not_present = 1 };
	if (write_ldt(&d))
		return "the descriptor cannot be taken away";
	segments.freed = 1;
	pthread_join(holder, NULL);
	if (segments.ds || segments.es || segments.fs)
		return "a segment without a descriptor stayed";
	return segments.gs && segments.gs != LDT_SELECTOR ?
		"GS changed" : NULL;
}
#endif

/* A port that one process may use stays closed to another. */
static const char *test_ioperm(unsigned int round)
{
	pid_t pid = fork();

	if (!pid) {
		pid_t closed;

		if (ioperm(0x80, 1, 1))
			_exit(1);
		closed = fork();
		if (!closed) {
			ioperm(0x80, 1, 0);
			caught = 0;
			catch(SIGSEGV, on_fault);
			sched_yield();
			if (!sigsetjmp(escape, 1))
				outb(round, 0x80);
			_exit(caught == SIGSEGV ? 0 : 3);
		}
		outb(round, 0x80);
		sched_yield();
		outb(round, 0x80);
		_exit(reap(closed) ? 2 : 42);
	}
	return pid > 0 && reap(pid) == 42 ? NULL :
		"the port is open where it is closed, or closed where open";
}

/* Socket filters are allocated by vmalloc and freed from RCU. */
static const char *test_filter(unsigned int round)
{
	static struct sock_filter code[2000];
	struct sock_fprog prog = { 1 + round % ARRAY_SIZE(code), code };
	int pair[2];
	char c = 'x';
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(code); i++)
		code[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0xffff);
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair))
		return "no socket pair";
	if (setsockopt(pair[0], SOL_SOCKET, SO_ATTACH_FILTER, &prog,
		       sizeof(prog)))
		return "the filter is refused";
	if (write(pair[1], &c, 1) != 1 || read(pair[0], &c, 1) != 1)
		return "the filter drops what it should pass";
	close(pair[0]);
	close(pair[1]);
	return NULL;
}

/* Single steps and breakpoints of a traced child. */
static const char *test_ptrace(unsigned int round)
{
	int status, steps;
	pid_t pid = fork();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		syscall(SYS_getppid);
		_exit(42);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return "the child did not stop";
	for (steps = 0; steps < 40; steps++) {
		if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0) ||
		    waitpid(pid, &status, 0) != pid)
			return "a single step failed";
		if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
			return "a single step did not trap";
	}
	ptrace(PTRACE_CONT, pid, 0, 0);
	return reap(pid) == 42 ? NULL : "the traced child went astray";
}

/* The clock goes on and never back, wherever the process runs. */
static const char *test_clock(unsigned int round)
{
	static struct timespec last;
	struct timespec now, nap = { 0, 100000 };
	int i;

	for (i = 0; i < 100; i++) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec < last.tv_sec ||
		    (now.tv_sec == last.tv_sec && now.tv_nsec < last.tv_nsec))
			return "the monotonic clock went back";
		last = now;
	}
	nanosleep(&nap, NULL);
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec == last.tv_sec && now.tv_nsec - last.tv_nsec < 100000 ?
		"a sleep ended early" : NULL;
}

static volatile int alarms;
static timer_t timers[3];

/*
 * On a machine that needs longer for a signal than the timers leave it, the
 * program would never go on: the handler stops them when it has seen enough.
 */
static void on_alarm(int sig)
{
	static const struct itimerspec never;
	int i;

	if (++alarms < 60)
		return;
	for (i = 0; i < 3; i++)
		timer_settime(timers[i], 0, &never, NULL);
}

/* Interval timers interrupt whatever goes on, and each of them arrives. */
static const char *test_timer(unsigned int round)
{
	struct itimerspec often = { { 0, 300000 }, { 0, 300000 } };
	struct timespec nap = { 0, 20000000 };
	struct sigaction sa = { .sa_handler = on_alarm };
	struct sigevent event = {
		.sigev_notify	= SIGEV_SIGNAL,
		.sigev_signo	= SIGRTMIN,
	};
	int i;

	sigaction(SIGRTMIN, &sa, NULL);
	alarms = 0;
	for (i = 0; i < 3; i++)
		if (timer_create(CLOCK_MONOTONIC, &event, &timers[i]))
			return "no timer";
	for (i = 0; i < 3; i++)
		if (timer_settime(timers[i], 0, &often, NULL))
			return "a timer cannot be set";
	while (nanosleep(&nap, &nap))
		;
	for (i = 0; i < 3; i++)
		if (timer_delete(timers[i]))
			return "a timer cannot be deleted";
	return alarms < 3 ? "timers do not fire" : NULL;
}

#define DRIFT_NS	300000000ull
#define NSEC_PER_SEC	1000000000ull

static uint64_t read_clock(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

struct moment {
	uint64_t tsc;
	uint64_t raw;
	uint64_t mono;
};

/* All clocks at one moment: the closest of some attempts. */
static struct moment look(void)
{
	struct moment now = { 0 }, m;
	uint64_t best = ~0ull, took;
	int i;

	for (i = 0; i < 50; i++) {
		m.tsc = __builtin_ia32_rdtsc();
		m.raw = read_clock(CLOCK_MONOTONIC_RAW);
		m.mono = read_clock(CLOCK_MONOTONIC);
		took = __builtin_ia32_rdtsc() - m.tsc;
		if (took < best) {
			best = took;
			now = m;
		}
	}
	return now;
}

static uint64_t latest;

/**
 * struct rates - how clocks went on one CPU
 * @cpu: this one
 * @mono: millionths of a second of the clock per second of the raw one
 * @raw: nanoseconds of the raw clock per 2^20 cycles
 */
struct rates {
	unsigned int cpu;
	unsigned int mono;
	unsigned int raw;
};

/*
 * Meanwhile each thread looks whether the clock is behind what another one read
 * before.
 */
static void *measure(void *arg)
{
	struct rates *r = arg;
	struct moment start, end;
	uint64_t before, now;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(r->cpu, &set);
	/* The CPU may be away. */
	sched_setaffinity(0, sizeof(set), &set);

	start = look();
	do {
		before = __atomic_load_n(&latest, __ATOMIC_SEQ_CST);
		now = read_clock(CLOCK_MONOTONIC);
		if (now < before)
			return "the clock of another CPU is ahead";
		__atomic_compare_exchange_n(&latest, &before, now, 0,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	} while (now - start.mono < DRIFT_NS);
	end = look();
	r->mono = (end.mono - start.mono) * 1000000 / (end.raw - start.raw);
	r->raw = ((end.raw - start.raw) << 20) / (end.tsc - start.tsc);
	return NULL;
}

static int near(double value, double want, double part)
{
	return value > want * (1 - part) && value < want * (1 + part);
}

/*
 * Clocks advance at the same rate on all CPUs and in all rounds, but for what
 * adjtimex() asks for.  A hypervisor corrects its own clock against the cycles
 * now and then, so their relation is known roughly.
 */
static const char *test_drift(unsigned int round)
{
	static const long ticks[] = { 10000, 9500, 10000, 10500 };
	static unsigned int first;
	struct rates rates[2] = { { .cpu = 0 }, { .cpu = 1 } };
	struct timespec nap = { 0, 20000000 };
	struct timex t = { .modes = ADJ_TICK };
	void *wrong[2] = { NULL };
	pthread_t thread[2];
	unsigned int i;

	t.tick = ticks[round % 4];
	if (adjtimex(&t) < 0)
		return "adjtimex failed";
	nanosleep(&nap, NULL);
	for (i = 0; i < 2; i++)
		if (pthread_create(&thread[i], NULL, measure, &rates[i]))
			return "no thread";
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], &wrong[i]);
	t.tick = 10000;
	adjtimex(&t);
	if (wrong[0] || wrong[1])
		return wrong[0] ? wrong[0] : wrong[1];

	if (!first)
		first = rates[0].raw;
	for (i = 0; i < 2; i++) {
		if (near(rates[i].mono, ticks[round % 4] * 100, 0.005) &&
		    near(rates[i].raw, first, 0.08))
			continue;
		printf("tick %ld: %u us per s, %u ns per 2^20 cycles, not %u\n",
		       ticks[round % 4], rates[i].mono, rates[i].raw, first);
		return "the clock drifts";
	}
	return NULL;
}

/*
 * Tests run when no name is given, unless they need a CPU or kernel for it, or
 * a machine that nobody saves meanwhile.
 */
static const struct {
	const char *name;
	const char *(*round)(unsigned int round);
	int on_request;
} tests[] = {
	{ "fork",	test_fork },
	{ "exec",	test_exec },
	{ "mmap",	test_mmap },
	{ "mprotect",	test_mprotect },
	{ "dontneed",	test_dontneed },
	{ "dirty",	test_dirty },
	{ "young",	test_young },
	{ "signal",	test_signal },
	{ "pipe",	test_pipe },
#ifdef __i386__
	{ "fpu",	test_fpu },
	{ "tls",	test_tls },
	{ "tls16",	test_tls16 },
	{ "ldt",	test_ldt },
	{ "gate",	test_gate },
	{ "segments",	test_segments },
	{ "nx",		test_nx, 1 },
#endif
	{ "ioperm",	test_ioperm },
	{ "filter",	test_filter },
	{ "ptrace",	test_ptrace },
	{ "clock",	test_clock },
	{ "timer",	test_timer },
	{ "drift",	test_drift, 1 },
};

static int run_one(size_t t, unsigned int seconds)
{
	time_t end = time(NULL) + seconds;
	const char *wrong = NULL;
	unsigned int round = 0;

	alarm(seconds + GRACE);
	do {
		wrong = tests[t].round(round++);
	} while (!wrong && time(NULL) < end);

	if (wrong)
		printf("not ok - %s: %s in round %u (errno %d)\n", tests[t].name,
		       wrong, round, errno);
	else
		printf("ok - %s, %u rounds\n", tests[t].name, round);
	fflush(stdout);
	return wrong != NULL;
}

static int wanted(size_t t, int argc, char **argv)
{
	int i;

	for (i = 2; i < argc; i++)
		if (!strcmp(tests[t].name, argv[i]))
			return 1;
	return argc == 2 && !tests[t].on_request;
}

int main(int argc, char **argv)
{
	pid_t pids[ARRAY_SIZE(tests)] = { 0 };
	unsigned int seconds;
	int failed = 0;
	size_t t;

	if (argc == 3 && !strcmp(argv[1], "--exit"))
		return atoi(argv[2]);
	if (argc < 2) {
		fprintf(stderr, "usage: stress SECONDS [NAME...]\n");
		return 2;
	}

	seconds = atoi(argv[1]);
	for (t = 0; t < ARRAY_SIZE(tests); t++) {
		if (!wanted(t, argc, argv))
			continue;
		pids[t] = fork();
		if (!pids[t])
			_exit(run_one(t, seconds));
	}
	for (t = 0; t < ARRAY_SIZE(tests); t++) {
		int status;

		if (!pids[t])
			continue;
		if (pids[t] > 0 && waitpid(pids[t], &status, 0) == pids[t] &&
		    WIFEXITED(status)) {
			failed |= WEXITSTATUS(status);
			continue;
		}
		printf("not ok - %s: killed, status %#x\n", tests[t].name,
		       status);
		failed = 1;
	}
	return failed;
}
