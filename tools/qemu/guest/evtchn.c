// SPDX-License-Identifier: GPL-2.0
/*
 * evtchn MOST: open event channels from this domain to itself until Xen or the
 * kernel refuses, but no more than MOST; send an event through each, and see
 * that it arrives, once, and with no other.  Prints how many there were, closes
 * all of them, and does it again: what was closed can be had again.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

typedef uint16_t domid_t;
#include <xen/evtchn.h>

#define SELF	0x7ff0	/* DOMID_SELF of Xen's interface */

static int opened(int fd, unsigned int *ports, int most)
{
	struct ioctl_evtchn_bind_unbound_port one = { .remote_domain = SELF };
	struct ioctl_evtchn_bind_interdomain other = { .remote_domain = SELF };
	int n;

	for (n = 0; n + 2 <= most; n += 2) {
		int port = ioctl(fd, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &one);

		if (port < 0)
			break;
		ports[n] = port;
		other.remote_port = port;
		port = ioctl(fd, IOCTL_EVTCHN_BIND_INTERDOMAIN, &other);
		if (port < 0) {
			struct ioctl_evtchn_unbind back = { .port = ports[n] };

			ioctl(fd, IOCTL_EVTCHN_UNBIND, &back);
			break;
		}
		ports[n + 1] = port;
	}
	return n;
}

/* Xen sends the event that the second end may have missed; take it. */
static void drain(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint32_t ports[64];
	ssize_t got;

	while (poll(&p, 1, 200) == 1) {
		got = read(fd, ports, sizeof(ports));
		if (got <= 0 || write(fd, ports, got) != got)
			break;
	}
}

/* Of each pair one end sends and the other one hears. */
static const char *heard(int fd, const unsigned int *ports, int n)
{
	static char text[80];
	int i;

	for (i = 0; i < n; i++) {
		struct ioctl_evtchn_notify notify = { .port = ports[i] };
		struct pollfd p = { .fd = fd, .events = POLLIN };
		uint32_t port[2];
		ssize_t got;

		snprintf(text, sizeof(text), "port %u, number %d of %d",
			 ports[i ^ 1], i, n);
		if (ioctl(fd, IOCTL_EVTCHN_NOTIFY, &notify))
			return text;
		if (poll(&p, 1, 5000) != 1)
			return text;
		got = read(fd, port, sizeof(port));
		if (got != sizeof(port[0]) || port[0] != ports[i ^ 1])
			return text;
		/* It is masked until it is written back. */
		if (write(fd, port, sizeof(port[0])) != sizeof(port[0]))
			return text;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int most = argc == 2 ? atoi(argv[1]) : 0, n[2], round, i;
	unsigned int *ports, highest = 0;

	if (most < 2) {
		fprintf(stderr, "usage: evtchn MOST\n");
		return 2;
	}
	ports = calloc(most, sizeof(*ports));
	for (round = 0; round < 2; round++) {
		int fd = open("/dev/xen/evtchn", O_RDWR);
		const char *lost;

		if (fd < 0 || !ports) {
			printf("not ok - /dev/xen/evtchn: %s\n",
			       strerror(errno));
			return 1;
		}
		errno = 0;
		n[round] = opened(fd, ports, most);
		printf("round %d: %d channels, then %s\n", round, n[round],
		       n[round] + 2 > most ? "no more wanted" :
		       strerror(errno));
		for (i = 0; i < n[round]; i++)
			if (ports[i] > highest)
				highest = ports[i];
		drain(fd);
		lost = heard(fd, ports, n[round]);
		if (lost)
			printf("not ok - an event was lost: %s\n", lost);
		else
			printf("ok - %d events arrived, round %d\n",
			       n[round], round);
		close(fd);
	}
	if (n[0] == n[1])
		printf("ok - as many channels as before\n");
	else
		printf("not ok - %d channels, and %d later\n", n[0], n[1]);
	printf("data channels=%d highest=%u\n", n[0], highest);
	return 0;
}
