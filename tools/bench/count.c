// SPDX-License-Identifier: GPL-2.0
/*
 * count - QEMU plugin that counts how often each instruction runs
 *
 * Arguments: start=ADDR, stop=ADDR, out=FILE, and emulation=ADDR any number of
 * times.  Counts from each execution of the instruction at start to the next
 * one of that at stop; both may lie in the kernel or in a program.  The sums go
 * to FILE when QEMU ends, one instruction a line: count, address, bytes, a tab,
 * text.  Code that is patched while the machine runs has a line for each of its
 * versions.  Before them comes a line for each time that counting went on:
 * "window", the instructions of programs, the kernel, and what lies above 4 GB:
 * a 64-bit hypervisor; then calls of Xen, which are the kernel's INT 0x82, and
 * instructions that ran at an address of emulation.  The first line is "before"
 * with the same numbers for what ran until counting started.
 *
 * For one processor: the counters are not atomic.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is used of the plugin interface, version 1, of QEMU 4.2 and later. */
#define EXPORT __attribute__((visibility("default")))

struct qemu_plugin_tb;
struct qemu_plugin_insn;

enum { INLINE_ADD_U64 };
enum { CB_NO_REGS };

void qemu_plugin_register_vcpu_tb_trans_cb(
	uint64_t id, void (*cb)(uint64_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_insn_exec_cb(
	struct qemu_plugin_insn *insn, void (*cb)(unsigned int cpu, void *data),
	int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(
	struct qemu_plugin_insn *insn, int op, void *counter, uint64_t add);
void qemu_plugin_register_atexit_cb(
	uint64_t id, void (*cb)(uint64_t id, void *data), void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(
	const struct qemu_plugin_tb *tb, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
char *qemu_plugin_insn_disas(const struct qemu_plugin_insn *insn);

EXPORT int qemu_plugin_version = 1;

#define BUCKETS		(1 << 16)
#define KERNEL_BASE	0xc0000000ULL
#define HYPERVISOR_BASE	(1ULL << 32)
#define MAX_SIZE	15
#define MAX_EMULATIONS	8

enum kind { ANY, HYPERCALL, EMULATION };

/**
 * struct insn - an instruction seen
 * @next: of its bucket
 * @address: virtual address
 * @size: number of @bytes
 * @bytes: its machine code
 * @live: executions since the last start, or since QEMU started
 * @sum: executions between starts and stops
 * @text: disassembly
 * @kind: what is worth a count of its own
 */
struct insn {
	struct insn *next;
	uint64_t address;
	size_t size;
	uint8_t bytes[MAX_SIZE];
	uint64_t live;
	uint64_t sum;
	char *text;
	enum kind kind;
};

static struct insn *buckets[BUCKETS];
static uint64_t start_address;
static uint64_t stop_address;
static uint64_t emulations[MAX_EMULATIONS];
static int nr_emulations;
static int started;
static int counting;
static FILE *out;

static enum kind kind_of(const struct insn *i)
{
	static const uint8_t int_0x82[] = { 0xcd, 0x82 };
	int n;

	for (n = 0; n < nr_emulations; n++)
		if (i->address == emulations[n])
			return EMULATION;
	if (i->address >= KERNEL_BASE && i->address < HYPERVISOR_BASE &&
	    i->size == sizeof(int_0x82) &&
	    !memcmp(i->bytes, int_0x82, sizeof(int_0x82)))
		return HYPERCALL;
	return ANY;
}

static struct insn *lookup(const struct qemu_plugin_insn *insn)
{
	const uint64_t address = qemu_plugin_insn_vaddr(insn);
	const void *bytes = qemu_plugin_insn_data(insn);
	size_t size = qemu_plugin_insn_size(insn);
	struct insn **bucket = &buckets[(address ^ address >> 16) % BUCKETS];
	struct insn *i;

	if (size > MAX_SIZE)
		size = MAX_SIZE;
	for (i = *bucket; i; i = i->next)
		if (i->address == address && i->size == size &&
		    !memcmp(i->bytes, bytes, size))
			return i;

	i = calloc(1, sizeof(*i));
	if (!i)
		abort();
	i->address = address;
	i->size = size;
	memcpy(i->bytes, bytes, size);
	i->text = qemu_plugin_insn_disas(insn);
	i->kind = kind_of(i);
	i->next = *bucket;
	*bucket = i;
	return i;
}

/* Write the sums of all live counters. */
static void report(const char *name)
{
	unsigned long long program = 0, kernel = 0, hypervisor = 0;
	unsigned long long hypercalls = 0, emulated = 0;
	unsigned int b;
	struct insn *i;

	for (b = 0; b < BUCKETS; b++) {
		for (i = buckets[b]; i; i = i->next) {
			if (i->address < KERNEL_BASE)
				program += i->live;
			else if (i->address < HYPERVISOR_BASE)
				kernel += i->live;
			else
				hypervisor += i->live;
			if (i->kind == HYPERCALL)
				hypercalls += i->live;
			else if (i->kind == EMULATION)
				emulated += i->live;
		}
	}
	fprintf(out, "%s %llu %llu %llu %llu %llu\n", name, program, kernel,
		hypervisor, hypercalls, emulated);
}

static void on_start(unsigned int cpu, void *data)
{
	unsigned int b;
	struct insn *i;

	if (!started)
		report("before");
	started = 1;
	counting = 1;
	for (b = 0; b < BUCKETS; b++)
		for (i = buckets[b]; i; i = i->next)
			i->live = 0;
}

static void on_stop(unsigned int cpu, void *data)
{
	unsigned int b;
	struct insn *i;

	if (!counting)
		return;
	counting = 0;
	report("window");
	for (b = 0; b < BUCKETS; b++)
		for (i = buckets[b]; i; i = i->next)
			i->sum += i->live;
}

static void on_translation(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t n;

	for (n = 0; n < qemu_plugin_tb_n_insns(tb); n++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, n);
		struct insn *i = lookup(insn);

		if (i->address == start_address)
			qemu_plugin_register_vcpu_insn_exec_cb(
				insn, on_start, CB_NO_REGS, NULL);
		if (i->address == stop_address)
			qemu_plugin_register_vcpu_insn_exec_cb(
				insn, on_stop, CB_NO_REGS, NULL);
		qemu_plugin_register_vcpu_insn_exec_inline(
			insn, INLINE_ADD_U64, &i->live, 1);
	}
}

static void on_exit_of_qemu(uint64_t id, void *data)
{
	unsigned int b, n;
	struct insn *i;

	for (b = 0; b < BUCKETS; b++) {
		for (i = buckets[b]; i; i = i->next) {
			if (!i->sum)
				continue;
			fprintf(out, "%llu %llx ", (unsigned long long)i->sum,
				(unsigned long long)i->address);
			for (n = 0; n < i->size; n++)
				fprintf(out, "%02x", i->bytes[n]);
			fprintf(out, "\t%s\n", i->text ? i->text : "");
		}
	}
	fclose(out);
}

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc,
			       char **argv)
{
	int i;

	for (i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "start=", 6))
			start_address = strtoull(argv[i] + 6, NULL, 16);
		else if (!strncmp(argv[i], "stop=", 5))
			stop_address = strtoull(argv[i] + 5, NULL, 16);
		else if (!strncmp(argv[i], "emulation=", 10) &&
			 nr_emulations < MAX_EMULATIONS)
			emulations[nr_emulations++] =
				strtoull(argv[i] + 10, NULL, 16);
		else if (!strncmp(argv[i], "out=", 4))
			out = fopen(argv[i] + 4, "w");
		else
			return -1;
	}
	if (!start_address || !stop_address || !out)
		return -1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	qemu_plugin_register_atexit_cb(id, on_exit_of_qemu, NULL);
	return 0;
}
