#define _GNU_SOURCE
#include "CBench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_TOPICS = 1024, BLOCK_FRAMES = 1024, INPUT_ROOM = 1 << 16 };

struct server {
    int client;
    char input[INPUT_ROOM];
    size_t input_length;
    char symbols[MAX_TOPICS][32];
    int topics;
    int64_t cs;
    uint32_t random;
    // One block of ready frames, of which only the numbers are written anew.
    char *block;
    size_t block_length;
    struct { size_t start; struct cbench_delta delta; size_t end; } frames[BLOCK_FRAMES];
    int next_frame;
};

static int fail(const char *what) {
    fprintf(stderr, "ticker server: %s: %s\n", what, strerror(errno));
    return 1;
}

static int64_t wall_milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint32_t next_random(struct server *server) {
    server->random = server->random * 1664525u + 1013904223u;
    return server->random >> 8;
}

static int write_all(int fd, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t written = write(fd, bytes, count);
        if (written < 0) {
            if (errno == EINTR) continue;
            return -1;
        }
        bytes += written;
        count -= (size_t)written;
    }
    return 0;
}

static size_t write_header(char *out, size_t payload) {
    out[0] = (char)0x81;
    if (payload < 126) {
        out[1] = (char)payload;
        return 2;
    }
    out[1] = 126;
    out[2] = (char)(payload >> 8);
    out[3] = (char)payload;
    return 4;
}

static int send_text(struct server *server, const char *text, size_t count) {
    char header[4];
    size_t header_length = write_header(header, count);
    if (write_all(server->client, header, header_length) != 0) return -1;
    return write_all(server->client, text, count);
}

// MARK: Handshake

static int shake_hands(struct server *server) {
    char request[8192];
    size_t length = 0;
    while (length < sizeof request - 1) {
        ssize_t got = read(server->client, request + length, sizeof request - 1 - length);
        if (got <= 0) return -1;
        length += (size_t)got;
        request[length] = 0;
        if (strstr(request, "\r\n\r\n") != NULL) break;
    }
    char *key = strcasestr(request, "Sec-WebSocket-Key:");
    if (key == NULL) return -1;
    key += strlen("Sec-WebSocket-Key:");
    while (*key == ' ') key++;
    char accepted[128];
    snprintf(accepted, sizeof accepted, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", (int)strcspn(key, "\r\n "), key);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int digest_length = 0;
    if (EVP_Digest(accepted, strlen(accepted), digest, &digest_length, EVP_sha1(), NULL) != 1) return -1;
    char encoded[64];
    EVP_EncodeBlock((unsigned char *)encoded, digest, (int)digest_length);
    char answer[256];
    int answer_length = snprintf(
        answer, sizeof answer,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: %s\r\n\r\n",
        encoded);
    return write_all(server->client, answer, (size_t)answer_length);
}

// MARK: Requests

static int starting_mark(struct server *server) { return 5000000 + (int)(next_random(server) % 1000000); }

static void prepare_block(struct server *server) {
    server->block_length = 0;
    for (int index = 0; index < BLOCK_FRAMES; index++) {
        char json[CBENCH_FRAME_ROOM];
        const char *symbol = server->symbols[index % server->topics];
        struct cbench_delta delta = cbench_write_delta(
            json, symbol, next_random(server), starting_mark(server), server->cs, wall_milliseconds());
        char *out = server->block + server->block_length;
        size_t header = write_header(out, delta.length);
        memcpy(out + header, json, delta.length);
        delta.mark += header;
        delta.last += header;
        delta.cs += header;
        delta.ts += header;
        server->frames[index].start = server->block_length;
        server->frames[index].delta = delta;
        server->block_length += header + delta.length;
        server->frames[index].end = server->block_length;
    }
    server->next_frame = 0;
}

static int subscribe(struct server *server, char *text) {
    char id[64] = "";
    char *at = strstr(text, "\"req_id\":\"");
    if (at != NULL) sscanf(at + 10, "%63[^\"]", id);
    char answer[256];
    if (strstr(text, "\"op\":\"ping\"") != NULL) {
        int length = snprintf(
            answer, sizeof answer,
            "{\"success\":true,\"ret_msg\":\"pong\",\"conn_id\":\"bench\",\"req_id\":\"%s\",\"op\":\"ping\"}", id);
        return send_text(server, answer, (size_t)length);
    }
    if (strstr(text, "\"op\":\"subscribe\"") == NULL) return 0;
    int length = snprintf(
        answer, sizeof answer,
        "{\"success\":true,\"ret_msg\":\"\",\"conn_id\":\"bench\",\"req_id\":\"%s\",\"op\":\"subscribe\"}", id);
    if (send_text(server, answer, (size_t)length) != 0) return -1;
    for (at = strstr(text, "\"tickers."); at != NULL; at = strstr(at + 1, "\"tickers.")) {
        if (server->topics == MAX_TOPICS) break;
        char *symbol = server->symbols[server->topics];
        if (sscanf(at + 9, "%31[^\"]", symbol) != 1) continue;
        server->topics++;
        char frame[CBENCH_FRAME_ROOM];
        size_t count = cbench_write_snapshot(frame, symbol, starting_mark(server), ++server->cs, wall_milliseconds());
        if (send_text(server, frame, count) != 0) return -1;
    }
    prepare_block(server);
    printf("subscribed %d\n", server->topics);
    fflush(stdout);
    return 0;
}

/// Reads what the client sent. Returns 0, or -1 at the end.
static int receive(struct server *server) {
    ssize_t got = read(server->client, server->input + server->input_length, INPUT_ROOM - server->input_length);
    if (got <= 0) return -1;
    server->input_length += (size_t)got;
    for (;;) {
        unsigned char *bytes = (unsigned char *)server->input;
        if (server->input_length < 6) return 0;
        size_t length = bytes[1] & 0x7f, header = 6;
        if (length == 127) return -1;
        if (length == 126) {
            if (server->input_length < 8) return 0;
            length = (size_t)bytes[2] << 8 | bytes[3];
            header = 8;
        }
        if (server->input_length < header + length) return 0;
        int opcode = bytes[0] & 0x0f;
        for (size_t index = 0; index < length; index++) bytes[header + index] ^= bytes[header - 4 + index % 4];
        if (opcode == 8) return -1;
        if (opcode == 1) {
            char *text = strndup((char *)bytes + header, length);
            if (text == NULL) return -1;
            int result = subscribe(server, text);
            free(text);
            if (result != 0) return -1;
        }
        server->input_length -= header + length;
        memmove(bytes, bytes + header + length, server->input_length);
    }
}

// MARK: Frames

static void write_digits(char *out, int count, int64_t value) {
    for (int index = count - 1; index >= 0; index--) {
        out[index] = (char)('0' + value % 10);
        value /= 10;
    }
}

static void write_price(char *out, int hundredths) {
    write_digits(out, 5, hundredths / 100);
    write_digits(out + 6, 2, hundredths % 100);
}

/// Gives the next frame of the block new numbers. Neighbouring frames of a symbol never carry the same mark.
static int renew(struct server *server, int64_t time, int is_last) {
    int index = is_last ? 0 : server->next_frame;
    char *frame = server->block + server->frames[index].start;
    struct cbench_delta *delta = &server->frames[index].delta;
    server->cs++;
    int mark = is_last ? CBENCH_LAST_MARK : 5000000 + (int)(server->cs * 37 % 1000000);
    write_price(frame + delta->mark, mark);
    write_price(frame + delta->last, mark);
    write_digits(frame + delta->cs, 12, server->cs);
    write_digits(frame + delta->ts, 13, time);
    if (!is_last) server->next_frame = (index + 1) % BLOCK_FRAMES;
    return index;
}

static int send_frame(struct server *server, int index) {
    size_t start = server->frames[index].start;
    return write_all(server->client, server->block + start, server->frames[index].end - start);
}

static int blast(struct server *server, long count) {
    long left = count - 1;
    while (left > 0) {
        long take = left < BLOCK_FRAMES ? left : BLOCK_FRAMES;
        int64_t time = wall_milliseconds();
        server->next_frame = 0;
        for (long frame = 0; frame < take; frame++) renew(server, time, 0);
        if (write_all(server->client, server->block, server->frames[take - 1].end) != 0) return -1;
        left -= take;
    }
    return send_frame(server, renew(server, wall_milliseconds(), 1));
}

static int pace(struct server *server, long count, double rate) {
    int64_t start = cbench_uptime();
    for (long frame = 0; frame < count; frame++) {
        int64_t due = start + (int64_t)((double)(frame + 1) * 1e9 / rate);
        struct timespec until = {.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {}
        if (send_frame(server, renew(server, wall_milliseconds(), frame == count - 1)) != 0) return -1;
    }
    return 0;
}

static int obey(struct server *server, const char *line) {
    long count;
    double rate;
    if (sscanf(line, "blast %ld", &count) == 1) return blast(server, count);
    if (sscanf(line, "pace %ld %lf", &count, &rate) == 2) return pace(server, count, rate);
    errno = EINVAL;
    return -1;
}

int cbench_serve(void) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 4) != 0
        || getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        return fail("listen");
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL || (server->block = malloc(BLOCK_FRAMES * CBENCH_FRAME_ROOM)) == NULL) return fail("memory");
    server->random = 1;
    server->cs = 100000000000;
    server->client = accept(listener, NULL, NULL);
    if (server->client < 0) return fail("accept");
    int one = 1;
    setsockopt(server->client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (shake_hands(server) != 0) return fail("handshake");
    char line[256];
    size_t line_length = 0;
    for (;;) {
        struct pollfd ready[2] = {{.fd = server->client, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
        if (poll(ready, 2, -1) < 0) return fail("poll");
        if (ready[0].revents != 0 && receive(server) != 0) return 0;
        if (ready[1].revents == 0) continue;
        ssize_t got = read(0, line + line_length, sizeof line - 1 - line_length);
        if (got <= 0) return 0;
        line_length += (size_t)got;
        line[line_length] = 0;
        char *end;
        while ((end = strchr(line, '\n')) != NULL) {
            *end = 0;
            if (obey(server, line) != 0) return fail(line);
            line_length -= (size_t)(end + 1 - line);
            memmove(line, end + 1, line_length + 1);
        }
    }
}
