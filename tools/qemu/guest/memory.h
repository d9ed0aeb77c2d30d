/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What programs share that look after the contents of pages, and report test
 * points.  "who" tells apart who wrote them, and when.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	4096u
#define WORDS	(PAGE / sizeof(uint32_t))

static inline uint32_t pattern(unsigned int who, size_t page, size_t word)
{
	return (who + 1) * 0x9e3779b1u ^ page * 0x85ebca6bu ^ word;
}

static inline void fill(uint32_t *mem, size_t pages, unsigned int who)
{
	size_t i;

	for (i = 0; i < pages * WORDS; i++)
		mem[i] = pattern(who, i / WORDS, i % WORDS);
}

/* How many words of the pages from @first to @pages are not what they must be. */
static inline size_t wrong_from(const volatile uint32_t *mem, size_t first,
				size_t pages, unsigned int who)
{
	size_t bad = 0, i;

	for (i = first * WORDS; i < pages * WORDS; i++)
		bad += mem[i] != pattern(who, i / WORDS, i % WORDS);
	return bad;
}

static inline size_t wrong(const volatile uint32_t *mem, size_t pages,
			   unsigned int who)
{
	return wrong_from(mem, 0, pages, who);
}

/* A test point; returns whether it failed. */
static inline int report(int good, const char *what, size_t got, size_t want)
{
	printf("%sok - %s: %zu, should be %zu\n", good ? "" : "not ", what, got, want);
	fflush(stdout);
	return !good;
}

/* A step that cannot be gone on without. */
static inline void die(const char *what)
{
	printf("not ok - %s: %s\n", what, strerror(errno));
	exit(1);
}

/*
 * Does a child have this mapping?  If it has none, what it was given to read ends
 * in EFAULT, and the answer is 0.
 */
static inline int inherited(const void *mem)
{
	int fds[2], status;
	pid_t pid;

	if (pipe(fds))
		die("pipe");
	pid = fork();
	if (!pid)
		_exit(write(fds[1], mem, 1) == 1 || errno != EFAULT);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("fork");
	close(fds[0]);
	close(fds[1]);
	return status;
}
