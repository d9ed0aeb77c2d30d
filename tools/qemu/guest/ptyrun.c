// SPDX-License-Identifier: GPL-2.0
/*
 * ptyrun SECONDS PROGRAM [ARG...]: run a program on a terminal of its own, so
 * that what it prints is there even if it dies, and pass its lines on.
 *
 * Each line becomes "data PROGRAM | line".  "data PROGRAM = STATUS" comes last:
 * the exit status, 128 plus the signal, or 124 when time was up.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static char line[1024];
static size_t used;

static void flush(const char *name)
{
	if (used)
		printf("data %s | %.*s\n", name, (int)used, line);
	used = 0;
}

static void feed(const char *name, const char *buf, ssize_t n)
{
	ssize_t i;

	for (i = 0; i < n; i++) {
		if (buf[i] == '\n' || used == sizeof(line))
			flush(name);
		if (buf[i] != '\n' && buf[i] != '\r')
			line[used++] = buf[i];
	}
}

static int terminal(int master)
{
	struct termios t;
	int slave, zero = 0;

	if (grantpt(master) || ioctl(master, TIOCSPTLCK, &zero))
		return -1;
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	if (slave < 0)
		return -1;
	tcgetattr(slave, &t);
	cfmakeraw(&t);
	tcsetattr(slave, TCSANOW, &t);
	return slave;
}

int main(int argc, char **argv)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave, status = 0;
	time_t end;
	pid_t pid;

	if (argc < 3) {
		fprintf(stderr, "usage: ptyrun SECONDS PROGRAM [ARG...]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	slave = terminal(master);
	if (slave < 0) {
		perror("ptyrun: no terminal");
		return 1;
	}

	end = time(NULL) + atoi(argv[1]);
	pid = fork();
	if (!pid) {
		setsid();
		dup2(slave, 0);
		dup2(slave, 1);
		dup2(slave, 2);
		close(slave);
		close(master);
		execv(argv[2], argv + 2);
		_exit(127);
	}
	close(slave);

	argv[2] = strrchr(argv[2], '/') ? strrchr(argv[2], '/') + 1 : argv[2];
	for (;;) {
		struct pollfd p = { .fd = master, .events = POLLIN };
		char buf[512];
		ssize_t n = 0;

		if (poll(&p, 1, 200) > 0)
			n = read(master, buf, sizeof(buf));
		if (n > 0) {
			feed(argv[2], buf, n);
			continue;
		}
		if (waitpid(pid, &status, WNOHANG) == pid)
			break;
		if (time(NULL) >= end) {
			kill(-pid, SIGKILL);
			waitpid(pid, &status, 0);
			status = 124 << 8;
			break;
		}
		/* Closed by a program that goes on. */
		if (n < 0)
			usleep(100000);
	}
	flush(argv[2]);
	if (WIFSIGNALED(status))
		status = (128 + WTERMSIG(status)) << 8;
	printf("data %s = %d\n", argv[2], WEXITSTATUS(status));
	return 0;
}
