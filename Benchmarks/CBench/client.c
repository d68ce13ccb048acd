#define _GNU_SOURCE
#include "CBench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { ROOM = 1 << 18 };

static int fail(const char *what) {
    fprintf(stderr, "bare client: %s: %s\n", what, strerror(errno));
    return 1;
}

static int send_masked(int fd, const char *text) {
    char frame[512] = {(char)0x81};
    size_t length = strlen(text);
    if (length > 125) return -1;
    frame[1] = (char)(0x80 | length);
    // A mask of zeros is a mask.
    memcpy(frame + 6, text, length);
    return write(fd, frame, length + 6) == (ssize_t)(length + 6) ? 0 : -1;
}

int cbench_connect(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval minute = {.tv_sec = 60};
    int one = 1;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0
        || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0
        || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &minute, sizeof minute) != 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

static int open_socket(int port) {
    int fd = cbench_connect(port);
    if (fd < 0) {
        errno = -fd;
        return -1;
    }
    const char *request =
        "GET /v5/public/linear HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    if (write(fd, request, strlen(request)) < 0) return -1;
    // Nothing comes behind the answer before the subscription.
    char answer[4096];
    size_t length = 0;
    while (length < sizeof answer - 1) {
        ssize_t got = read(fd, answer + length, sizeof answer - 1 - length);
        if (got <= 0) return -1;
        length += (size_t)got;
        answer[length] = 0;
        if (strstr(answer, "\r\n\r\n") != NULL) return fd;
    }
    return -1;
}

int cbench_bare_client(int port, const char *symbol) {
    int fd = open_socket(port);
    if (fd < 0) return fail("connect");
    char text[125];
    snprintf(text, sizeof text, "{\"req_id\":\"1\",\"op\":\"subscribe\",\"args\":[\"tickers.%s\"]}", symbol);
    if (send_masked(fd, text) != 0) return fail("subscribe");
    int poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    if (poller < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) return fail("epoll");
    unsigned char *bytes = malloc(ROOM);
    if (bytes == NULL) return fail("memory");
    size_t length = 0;
    long frames = 0;
    for (;;) {
        if (epoll_wait(poller, &event, 1, -1) < 0) return fail("epoll_wait");
        ssize_t got = read(fd, bytes + length, ROOM - length);
        if (got <= 0) return 0;
        length += (size_t)got;
        size_t at = 0;
        while (length - at >= 2) {
            size_t payload = bytes[at + 1] & 0x7f, header = 2;
            if (payload == 126) {
                if (length - at < 4) break;
                payload = (size_t)bytes[at + 2] << 8 | bytes[at + 3];
                header = 4;
            }
            if (length - at < header + payload) break;
            char *mark = memmem(bytes + at + header, payload, "\"markPrice\":\"", 13);
            at += header + payload;
            if (mark == NULL) continue;
            frames++;
            if (memcmp(mark + 13, "99999.99", 8) == 0) {
                printf("done %lld %ld\n", (long long)cbench_process_cpu(), frames);
                fflush(stdout);
                frames = 0;
            }
        }
        length -= at;
        if (length > 0 && at > 0) memmove(bytes, bytes + at, length);
    }
}
