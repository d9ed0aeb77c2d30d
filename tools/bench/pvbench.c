// SPDX-License-Identifier: GPL-2.0
/*
 * pvbench - ticks of the time stamp counter per kernel operation
 *
 * Runs as init of a machine whose time stamp counter counts executed
 * instructions (QEMU -icount shift=0).  Freestanding, on the kernel's nolibc.
 *
 * Arguments, after "--" on the kernel's command line:
 *   ops=A,B	operations to measure, all of them by default
 *   rounds=N	rounds per operation
 *   loops=N	repetitions in a round, other than the operation's own
 *   delay=N	turns of an empty loop before the first round
 *
 * The kernel option rig.verdict= names the channel of the results: a
 * terminal, or port:N, an I/O port that takes bytes.  It gets one record a
 * line, "end" being the last:
 *   boot TICKS			when init started, counted from reset
 *   op NAME LOOPS TICKS...	one number a round; nothing is subtracted
 *   drained NAME LOOPS TICKS...	same, with the operation "drain" on top
 *   windows NAME COUNT		calls of mark_begin() that it made
 *   file PATH TEXT		a line of what the kernel says about itself
 *   failed TEXT		why the results are worth nothing
 */
#include <cpuid.h>
#include <asm/signal.h>
#include <asm/siginfo.h>
#include <linux/auxvec.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/time.h>

#define PAGE		4096
#define PAGES		64
#define FORK_PAGES	256
#define MAX_ROUNDS	32
#define DRAIN_TURNS	20000000
#define BOTTOM_OF_CALL	"memory", "cc"

typedef unsigned long long u64;

/* Set by the option of the same name. */
static unsigned int rounds = 5;
static unsigned int forced_loops;
static unsigned int delay;
static const char *wanted_ops;

/* What an operation leaves for its next step. */
static char *area;
static int file;
static int to_child[2];
static int from_child[2];
static int child;
static unsigned long vsyscall;
static volatile unsigned int *shared;

static char report[65536];
static unsigned int report_len;

/* Results */

static void put(const char *text)
{
	while (*text && report_len < sizeof(report) - 1)
		report[report_len++] = *text++;
}

static void put_number(u64 value)
{
	char digits[24];

	u64toa_r(value, digits);
	put(digits);
}

/* Where the results go: the value of rig.verdict= on the command line. */
static const char *channel(void)
{
	static const char option[] = "rig.verdict=";
	static char line[4096];
	int fd = open("/proc/cmdline", O_RDONLY, 0);
	char *word = line, *end;
	long len;

	len = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	if (len < 0)
		return NULL;
	close(fd);
	while (word && strncmp(word, option, sizeof(option) - 1)) {
		word = strchr(word, ' ');
		if (word)
			word++;
	}
	if (!word)
		return NULL;
	word += sizeof(option) - 1;
	for (end = word; *end && *end != ' ' && *end != '\n';)
		end++;
	*end = 0;
	return word;
}

static void write_port(unsigned int port)
{
	unsigned int i;

	if (my_syscall1(__NR_iopl, 3) < 0)
		return;
	for (i = 0; i < report_len; i++)
		asm volatile("outb %b0, %w1" : : "a"(report[i]), "Nd"(port));
}

static void write_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_NOCTTY, 0);
	unsigned int done = 0;

	while (fd >= 0 && done < report_len) {
		long n = write(fd, report + done, report_len - done);

		if (n <= 0)
			break;
		done += n;
	}
	/* Wait until the last byte has left. */
	ioctl(fd, TCSBRK, (void *)1);
}

__attribute__((noreturn)) static void finish(void)
{
	const char *out = channel();

	put("end\n");
	if (out && !memcmp(out, "port:", 5))
		write_port(strtoul(out + 5, NULL, 0));
	else
		write_file(out ? out : "/dev/console");
	reboot(LINUX_REBOOT_CMD_POWER_OFF);
	for (;;)
		sleep(1);
}

__attribute__((noreturn)) static void failed(const char *why)
{
	put("failed ");
	put(why);
	put("\n");
	finish();
}

static void must(int ok, const char *why)
{
	if (!ok)
		failed(why);
}

/* Copy a text file into the results. */
static void put_file(const char *path)
{
	static char text[4096];
	int fd = open(path, O_RDONLY, 0);
	int start = 1;
	long len, i;

	if (fd < 0)
		return;
	while ((len = read(fd, text, sizeof(text))) > 0) {
		for (i = 0; i < len; i++) {
			char c[2] = { text[i], 0 };

			if (start) {
				put("file ");
				put(path);
				put(" ");
			}
			start = c[0] == '\n';
			put(c);
		}
	}
	if (!start)
		put("\n");
	close(fd);
}

/* Time */

static inline u64 ticks(void)
{
	unsigned int low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (u64)high << 32 | low;
}

/*
 * tools/bench/profile counts what runs between these two, which are only
 * called in rounds that count.
 */
static int marking;
static unsigned int windows;

__attribute__((noinline)) void mark_begin(void)
{
	asm volatile("" : : : "memory");
}

__attribute__((noinline)) void mark_end(void)
{
	asm volatile("" : : : "memory");
}

/* TIMED(n, step): ticks that n times step takes. */
#define TIMED(n, step)							\
({									\
	unsigned int left = (n);					\
	u64 begin;							\
									\
	if (marking) {							\
		windows++;						\
		mark_begin();						\
	}								\
	begin = ticks();						\
	do {								\
		step;							\
		asm volatile("" : "+r"(left));				\
	} while (--left);						\
	begin = ticks() - begin;					\
	if (marking)							\
		mark_end();						\
	begin;								\
})

/*
 * What a process leaves is freed some timer ticks later, by RCU.  Turning here
 * before and after such operations lets each round pay for all of its own, and
 * for nobody else's.
 */
__attribute__((noinline)) void drain(void)
{
	unsigned int turns = DRAIN_TURNS;

	asm volatile("1: dec %0\n\tjnz 1b" : "+r"(turns) : : "cc");
}

/* The same as TIMED, and drain() once; tools/bench/run takes that off. */
#define TIMED_AND_DRAINED(n, step)					\
({									\
	unsigned int left = (n);					\
	u64 begin;							\
									\
	drain();							\
	if (marking) {							\
		windows++;						\
		mark_begin();						\
	}								\
	begin = ticks();						\
	while (left--)							\
		step;							\
	drain();							\
	begin = ticks() - begin;					\
	if (marking)							\
		mark_end();						\
	begin;								\
})

/* Operations */

static u64 run_drain(unsigned int n)
{
	return TIMED_AND_DRAINED(0, (void)0);
}

static u64 run_empty(unsigned int n)
{
	return TIMED(n, (void)0);
}

static u64 run_null(unsigned int n)
{
	return TIMED(n, my_syscall0(__NR_getppid));
}

static void setup_vdso(void)
{
	vsyscall = getauxval(AT_SYSINFO);
	must(vsyscall, "no AT_SYSINFO: the kernel has no vDSO");
}

static inline void null_by_vdso(void)
{
	unsigned long result = __NR_getppid;

	asm volatile("call *%1"
		     : "+a"(result) : "r"(vsyscall) : BOTTOM_OF_CALL);
}

static u64 run_vdso(unsigned int n)
{
	return TIMED(n, null_by_vdso());
}

static u64 run_sigmask(unsigned int n)
{
	u64 set = 1 << (SIGUSR2 - 1);

	return TIMED(n, {
		my_syscall4(__NR_rt_sigprocmask, SIG_BLOCK, &set, 0, 8);
		my_syscall4(__NR_rt_sigprocmask, SIG_UNBLOCK, &set, 0, 8);
	});
}

static u64 run_timer(unsigned int n)
{
	static const long arm[4] = { 0, 0, 1000, 0 };
	static const long disarm[4];

	return TIMED(n, {
		my_syscall3(__NR_setitimer, ITIMER_REAL, arm, 0);
		my_syscall3(__NR_setitimer, ITIMER_REAL, disarm, 0);
	});
}

static void setup_read(void)
{
	file = open("/dev/zero", O_RDONLY, 0);
	must(file >= 0, "cannot open /dev/zero");
}

static void end_read(void)
{
	close(file);
}

static u64 run_read(unsigned int n)
{
	char byte;

	return TIMED(n, my_syscall3(__NR_read, file, &byte, 1));
}

static u64 run_open(unsigned int n)
{
	return TIMED(n, {
		long fd = my_syscall3(__NR_open, "/dev/zero", O_RDONLY, 0);

		my_syscall1(__NR_close, fd);
	});
}

void restorer(void);
asm(".globl restorer\n"
    "restorer:\n"
    "	mov $173, %eax\n"
    "	int $0x80\n");

static volatile unsigned int caught;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	caught++;
}

static u64 run_signal(unsigned int n)
{
	struct {
		void *handler;
		unsigned long flags;
		void *restorer;
		u64 mask;
	} action = { on_signal, SA_SIGINFO | SA_RESTORER, restorer, 0 };
	int self = getpid();
	u64 t;

	caught = 0;
	t = TIMED(n, {
		my_syscall4(__NR_rt_sigaction, SIGUSR1, &action, 0, 8);
		my_syscall2(__NR_kill, self, SIGUSR1);
	});
	must(caught == n, "signal: not every signal was delivered");
	return t;
}

static inline void fork_and_wait(const char *exec)
{
	static char *const argv[] = { "exit", NULL };
	int status;
	long pid = my_syscall0(__NR_fork);

	if (!pid) {
		if (exec)
			my_syscall3(__NR_execve, exec, argv, argv + 1);
		my_syscall1(__NR_exit, exec ? 1 : 0);
	}
	pid = my_syscall4(__NR_wait4, pid, &status, 0, 0);
	must(pid > 0 && !status, "fork: the child failed");
}

static u64 run_fork(unsigned int n)
{
	return TIMED_AND_DRAINED(n, fork_and_wait(NULL));
}

static u64 run_exec(unsigned int n)
{
	return TIMED_AND_DRAINED(n, fork_and_wait("/init"));
}

/* Map and touch pages. */
static void map(unsigned int pages)
{
	unsigned int i;

	area = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(area != MAP_FAILED, "mmap failed");
	for (i = 0; i < pages; i++)
		((volatile char *)area)[i * PAGE] = 1;
}

static void setup_fork_big(void)
{
	map(FORK_PAGES);
}

static void end_fork_big(void)
{
	munmap(area, FORK_PAGES * PAGE);
}

static inline void map_touch_unmap(void)
{
	unsigned int i;
	volatile char *p;

	p = (char *)my_syscall6(__NR_mmap2, 0, PAGES * PAGE,
				PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < PAGES; i++)
		p[i * PAGE] = 1;
	my_syscall2(__NR_munmap, p, PAGES * PAGE);
}

static u64 run_mmap(unsigned int n)
{
	return TIMED_AND_DRAINED(n, map_touch_unmap());
}

static void setup_mprotect(void)
{
	map(PAGES);
}

static void end_mprotect(void)
{
	munmap(area, PAGES * PAGE);
}

static u64 run_mprotect(unsigned int n)
{
	return TIMED(n, {
		my_syscall3(__NR_mprotect, area, PAGES * PAGE, PROT_READ);
		my_syscall3(__NR_mprotect, area, PAGES * PAGE,
			    PROT_READ | PROT_WRITE);
		*(volatile char *)area = 1;
	});
}

/* Only the touches count, neither mapping the pages nor unmapping them. */
static u64 run_fault(unsigned int n)
{
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < n; i += PAGES) {
		volatile char *p;

		p = (char *)my_syscall6(__NR_mmap2, 0, PAGES * PAGE,
					PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		sum += TIMED(PAGES, { *p = 1; p += PAGE; });
		my_syscall2(__NR_munmap, p - PAGES * PAGE, PAGES * PAGE);
	}
	must(sum > i * 100, "fault: a touch is not a page fault");
	return sum;
}

static void setup_pipe(void)
{
	char byte;

	must(!pipe(to_child) && !pipe(from_child), "pipe failed");
	child = fork();
	must(child >= 0, "fork failed");
	if (child)
		return;
	close(to_child[1]);
	while (my_syscall3(__NR_read, to_child[0], &byte, 1) == 1)
		my_syscall3(__NR_write, from_child[1], &byte, 1);
	my_syscall1(__NR_exit, 0);
}

static u64 run_pipe(unsigned int n)
{
	char byte = 0;
	long got = 1;
	u64 t;

	t = TIMED(n, {
		my_syscall3(__NR_write, to_child[1], &byte, 1);
		got &= my_syscall3(__NR_read, from_child[0], &byte, 1);
	});
	must(got == 1, "pipe: an answer is missing");
	return t;
}

static void end_pipe(void)
{
	int i;

	close(to_child[1]);
	waitpid(child, NULL, 0);
	close(to_child[0]);
	for (i = 0; i < 2; i++)
		close(from_child[i]);
}

/* Processes of one real-time priority take turns at each yield. */
static void real_time(int on)
{
	int priority = on;

	must(!my_syscall3(__NR_sched_setscheduler, 0,
			  on ? SCHED_FIFO : SCHED_NORMAL, &priority),
	     "sched_setscheduler failed");
}

static void setup_switch(void)
{
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(shared != MAP_FAILED, "mmap failed");
	shared[0] = 0;
	shared[1] = 0;
	real_time(1);
	child = fork();
	must(child >= 0, "fork failed");
	if (child)
		return;
	while (!shared[1]) {
		shared[0]++;
		my_syscall0(__NR_sched_yield);
	}
	my_syscall1(__NR_exit, 0);
}

static u64 run_switch(unsigned int n)
{
	unsigned int before = shared[0];
	u64 t;

	t = TIMED(n, my_syscall0(__NR_sched_yield));
	must(shared[0] - before == n, "switch: the processes took no turns");
	return t;
}

static void end_switch(void)
{
	shared[1] = 1;
	waitpid(child, NULL, 0);
	real_time(0);
	munmap((void *)shared, PAGE);
}

/**
 * struct op - an operation
 * @name: its name in arguments and results
 * @loops: repetitions in a round
 * @run: repeats it and returns the ticks that took
 * @setup: prepares it, not measured; may be NULL
 * @end: takes back what @setup did; may be NULL
 * @drained: its rounds have a drain() each
 */
static const struct op {
	const char *name;
	unsigned int loops;
	u64 (*run)(unsigned int n);
	void (*setup)(void);
	void (*end)(void);
	int drained;
} ops[] = {
	{ "drain",         1, run_drain,    NULL,           NULL },
	{ "empty",    100000, run_empty,    NULL,           NULL },
	{ "null",     100000, run_null,     NULL,           NULL },
	{ "vdso",     100000, run_vdso,     setup_vdso,     NULL },
	{ "sigmask",   30000, run_sigmask,  NULL,           NULL },
	{ "timer",     15000, run_timer,    NULL,           NULL },
	{ "read",      50000, run_read,     setup_read,     end_read },
	{ "open",      10000, run_open,     NULL,           NULL },
	{ "fork",        250, run_fork,     NULL,           NULL, 1 },
	{ "fork-1m",     150, run_fork,     setup_fork_big, end_fork_big, 1 },
	{ "exec",        100, run_exec,     NULL,           NULL, 1 },
	{ "mmap",        150, run_mmap,     NULL,           NULL, 1 },
	{ "mprotect",   1500, run_mprotect, setup_mprotect, end_mprotect },
	{ "fault",      9600, run_fault,    NULL,           NULL },
	{ "signal",     7500, run_signal,   NULL,           NULL },
	{ "pipe",       3000, run_pipe,     setup_pipe,     end_pipe },
	{ "switch",    10000, run_switch,   setup_switch,   end_switch },
};

static void measure(const struct op *op)
{
	unsigned int loops = forced_loops ? forced_loops : op->loops;
	u64 result[MAX_ROUNDS];
	unsigned int i;

	if (op->setup)
		op->setup();
	/* The first repetitions fill caches; they do not count. */
	op->run(loops);
	windows = 0;
	marking = 1;
	for (i = 0; i < rounds; i++)
		result[i] = op->run(loops);
	marking = 0;
	if (op->end)
		op->end();

	put(op->drained ? "drained " : "op ");
	put(op->name);
	put(" ");
	put_number(loops);
	for (i = 0; i < rounds; i++) {
		put(" ");
		put_number(result[i]);
	}
	put("\nwindows ");
	put(op->name);
	put(" ");
	put_number(windows);
	put("\n");
}

/* Is a name in a list of words separated by commas? */
static int in_list(const char *list, const char *name)
{
	size_t len = strlen(name);

	while (list) {
		if (!strncmp(list, name, len) &&
		    (list[len] == ',' || !list[len]))
			return 1;
		list = strchr(list, ',');
		if (list)
			list++;
	}
	return 0;
}

static void option(const char *word)
{
	if (!strncmp(word, "ops=", 4))
		wanted_ops = word + 4;
	else if (!strncmp(word, "rounds=", 7))
		rounds = strtoul(word + 7, NULL, 0);
	else if (!strncmp(word, "loops=", 6))
		forced_loops = strtoul(word + 6, NULL, 0);
	else if (!strncmp(word, "delay=", 6))
		delay = strtoul(word + 6, NULL, 0);
	else if (strchr(word, '='))
		failed("an argument that pvbench does not know");
	must(rounds && rounds <= MAX_ROUNDS, "rounds= is out of range");
}

/* What the random instructions of a processor return does not repeat. */
static void refuse_random(void)
{
	unsigned int a, b, c, d;

	__cpuid(1, a, b, c, d);
	must(!(c & bit_RDRND), "the processor has RDRAND");
	__cpuid_count(7, 0, a, b, c, d);
	must(!(b & bit_RDSEED), "the processor has RDSEED");
}

/* Real-time processes may have all of the processor. */
static void allow_real_time(void)
{
	int fd = open("/proc/sys/kernel/sched_rt_runtime_us", O_WRONLY, 0);

	if (fd < 0)
		return;
	must(write(fd, "-1", 2) == 2, "cannot lift the limit of real time");
	close(fd);
}

int main(int argc, char **argv)
{
	u64 boot = ticks();
	unsigned int i;

	/* The program that the operation "exec" runs. */
	if (!strcmp(argv[0], "exit"))
		return 0;

	mount("dev", "/dev", "devtmpfs", 0, NULL);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sys", "/sys", "sysfs", 0, NULL);
	mount("debug", "/sys/kernel/debug", "debugfs", 0, NULL);
	for (i = 1; i < (unsigned int)argc; i++)
		option(argv[i]);

	put("boot ");
	put_number(boot);
	put("\n");
	refuse_random();
	allow_real_time();
	/* Pages are small ones, wherever a mapping happens to lie. */
	my_syscall5(__NR_prctl, PR_SET_THP_DISABLE, 1, 0, 0, 0);
	if (delay)
		TIMED(delay, (void)0);
	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (!wanted_ops || in_list(wanted_ops, ops[i].name))
			measure(&ops[i]);

	put_file("/proc/version");
	put_file("/sys/kernel/debug/x86/paravirt/backend");
	put_file("/sys/kernel/debug/x86/paravirt/groups");
	put_file("/sys/kernel/debug/x86/paravirt/sites");
	put_file("/sys/kernel/debug/x86/paravirt/patch_time");
	finish();
}
