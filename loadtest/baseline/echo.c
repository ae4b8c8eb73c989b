/* The echo server that generator and switch are measured against: one thread, one epoll set, every
   byte sent back as it came. What a host costs whose messages mean nothing.

   Usage: echo PORT (0: any). Prints the port when it listens; ends when its standard input does. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS_MAX = 512, READ_BYTES = 65536, DESCRIPTORS = 32768 };

struct connection {
    int fd;
    size_t waiting_bytes; /* read, and not yet sent: the kernel's buffer is full */
    size_t sent_bytes;
    char *waiting;
};

static int epoll_fd;
static char buffer[READ_BYTES];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void watch(int operation, int fd, unsigned events, void *pointer) {
    struct epoll_event event = {.events = events, .data.ptr = pointer};
    if (epoll_ctl(epoll_fd, operation, fd, &event) < 0) fail("epoll_ctl");
}

static void end(struct connection *connection) {
    close(connection->fd);
    free(connection->waiting);
    free(connection);
}

static void accept_all(int listener) {
    int one = 1;
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct connection *connection = calloc(1, sizeof *connection);
        if (connection == NULL) fail("calloc");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        connection->fd = fd;
        watch(EPOLL_CTL_ADD, fd, EPOLLIN, connection);
    }
}

/* Send what waits; 0 when all of it left, 1 when the kernel has no room, -1 when nobody reads. */
static int flush(struct connection *connection) {
    while (connection->sent_bytes < connection->waiting_bytes) {
        ssize_t sent = send(connection->fd, connection->waiting + connection->sent_bytes,
                            connection->waiting_bytes - connection->sent_bytes, MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN ? 1 : -1;
        connection->sent_bytes += (size_t)sent;
    }
    connection->waiting_bytes = connection->sent_bytes = 0;
    watch(EPOLL_CTL_MOD, connection->fd, EPOLLIN, connection);
    return 0;
}

static int echo(struct connection *connection) {
    ssize_t got = recv(connection->fd, buffer, sizeof buffer, 0);
    ssize_t sent;
    if (got <= 0) return got < 0 && errno == EAGAIN ? 0 : -1;
    sent = send(connection->fd, buffer, (size_t)got, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return -1;
    if (sent < 0) sent = 0;
    if (sent == got) return 0;
    if (connection->waiting == NULL && (connection->waiting = malloc(READ_BYTES)) == NULL)
        fail("malloc");
    connection->waiting_bytes = (size_t)(got - sent);
    memcpy(connection->waiting, buffer + sent, connection->waiting_bytes);
    /* Not read again until this has left: memory is bounded. */
    watch(EPOLL_CTL_MOD, connection->fd, EPOLLOUT, connection);
    return 0;
}

static int listen_on(const char *port) {
    int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((unsigned short)atoi(port))};
    socklen_t bytes = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, bytes) < 0 || listen(listener, 4096) < 0)
        fail("listen");
    getsockname(listener, (struct sockaddr *)&address, &bytes);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

int main(int count, char **arguments) {
    struct epoll_event events[EVENTS_MAX];
    struct rlimit descriptors;
    int listener;
    if (count != 2) {
        fprintf(stderr, "usage: echo PORT\n");
        return 2;
    }
    descriptors.rlim_cur = descriptors.rlim_max = DESCRIPTORS;
    if (setrlimit(RLIMIT_NOFILE, &descriptors) < 0) { /* only root may go so far */
        getrlimit(RLIMIT_NOFILE, &descriptors);
        descriptors.rlim_cur = descriptors.rlim_max;
        setrlimit(RLIMIT_NOFILE, &descriptors);
    }
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    listener = listen_on(arguments[1]);
    watch(EPOLL_CTL_ADD, listener, EPOLLIN, &listener);
    watch(EPOLL_CTL_ADD, STDIN_FILENO, EPOLLIN, &epoll_fd);
    for (;;) {
        int ready = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);
        if (ready < 0 && errno != EINTR) fail("epoll_wait");
        for (int i = 0; i < ready; i++) {
            void *pointer = events[i].data.ptr;
            if (pointer == &listener) {
                accept_all(listener);
            } else if (pointer == &epoll_fd) {
                return 0;
            } else {
                int failed = events[i].events & EPOLLOUT ? flush(pointer) < 0 : echo(pointer) < 0;
                if (failed) end(pointer);
            }
        }
    }
}
