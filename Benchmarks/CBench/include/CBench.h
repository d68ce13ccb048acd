#ifndef CBENCH_H
#define CBENCH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Time.

/// User and system time of this process so far, in nanoseconds (getrusage).
int64_t cbench_process_cpu(void);
/// CLOCK_PROCESS_CPUTIME_ID in nanoseconds: finer, for what runs in this process alone.
int64_t cbench_cpu_clock(void);
/// CLOCK_MONOTONIC in nanoseconds.
int64_t cbench_uptime(void);

// Allocations, of all threads of the process. malloc and its relatives are replaced by ones that count and pass on to
// the C library's own.

void cbench_allocations_start(void);
/// Stops counting and returns how many there were since the start.
long cbench_allocations_stop(void);
/// Whether this build counts at all: not with a sanitizer.
int cbench_allocations_available(void);

// Frames.

/// Room for any frame below, header included.
#define CBENCH_FRAME_ROOM 1024

/// Where in a delta the parts lie that change from frame to frame; each has a fixed width.
struct cbench_delta {
    size_t length;
    size_t mark;
    size_t last;
    size_t cs;
    size_t ts;
};

/// The mark that ends a series, in hundredths. No other frame carries it.
#define CBENCH_LAST_MARK 9999999

/// Writes the JSON of a delta of about 420 bytes. `salt` varies what is not wanted.
struct cbench_delta cbench_write_delta(
    char *out, const char *symbol, uint32_t salt, int mark_hundredths, int64_t cs, int64_t ts);
/// A delta with a mark and without a last price, about 250 bytes.
size_t cbench_write_mark_delta(char *out, const char *symbol, uint32_t salt, int mark_hundredths, int64_t cs, int64_t ts);
/// A delta of the book alone, about 150 bytes.
size_t cbench_write_book_delta(char *out, const char *symbol, uint32_t salt, int64_t cs, int64_t ts);
/// A snapshot with all members of a perpetual, about 800 bytes.
size_t cbench_write_snapshot(char *out, const char *symbol, int mark_hundredths, int64_t cs, int64_t ts);

// Processes. Both ends speak lines over descriptors 0 and 1.

/// Starts a program; its standard input and output are pipes, its standard error goes to `error_fd` (or is inherited if
/// negative). If `extra_fd` is not negative, that descriptor is its standard output as well. It is killed when the
/// calling thread ends, so this is for the main thread. Returns its id, or -errno.
pid_t cbench_spawn(
    const char *path, char *const arguments[], int error_fd, int extra_fd, int *input, int *output);

/// Connects to a port of 127.0.0.1. Returns a descriptor whose calls wait at most a minute, or -errno.
int cbench_connect(int port);

/// Serves ticker frames to one client on a port of 127.0.0.1. Reports `port N`, then `subscribed N` after each
/// subscription. Commands: `blast N` sends N frames as fast as they go, `pace N RATE` one write per frame at RATE
/// frames/s; the last frame of each carries CBENCH_LAST_MARK. Ends at the end of its input. Returns the exit status.
int cbench_serve(void);

/// A client with nothing but epoll, read, a frame header parser and a search for the mark. Reports at each
/// CBENCH_LAST_MARK `done CPU_NANOSECONDS FRAMES`. Returns the exit status.
int cbench_bare_client(int port, const char *symbol);

#endif
