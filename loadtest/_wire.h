/* Waiting on an epoll set to the nanosecond where the kernel can (5.11), else to the millisecond;
   and connecting without blocking, from a chosen loopback address. */
#ifndef BASHGAH_LOADTEST_WIRE_H
#define BASHGAH_LOADTEST_WIRE_H

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static inline int wire_wait(int epoll, struct epoll_event *events, int events_max, int64_t ns) {
    if (ns < 0) ns = 0;
#ifdef SYS_epoll_pwait2
    struct timespec limit = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    int ready = (int)syscall(SYS_epoll_pwait2, epoll, events, events_max, &limit, NULL, 0);
    if (ready >= 0 || errno != ENOSYS) return ready;
#endif
    return epoll_wait(epoll, events, events_max, (int)((ns + 999999) / 1000000));
}

static inline void wire_pause(int64_t ns) {
    struct timespec pause = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    nanosleep(&pause, NULL);
}

static inline void wire_exact_timers(void) { prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0); }

/* A socket that is connecting, or -1 with errno. `source` is an address in host order, 0: any. */
static inline int wire_connect(uint32_t address, uint16_t port, uint32_t source) {
    int one = 1;
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
    struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address),
                               .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
#ifdef IP_BIND_ADDRESS_NO_PORT
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
#endif
    if ((source && bind(fd, (struct sockaddr *)&own, sizeof own) < 0) ||
        (connect(fd, (struct sockaddr *)&peer, sizeof peer) < 0 && errno != EINPROGRESS)) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static inline int wire_error(int fd) {
    int error = 0;
    socklen_t bytes = sizeof error;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes) < 0 ? errno : error;
}

#endif
