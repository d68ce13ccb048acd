#define _GNU_SOURCE
#include "CBench.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static int64_t read_clock(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t cbench_cpu_clock(void) { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

int64_t cbench_uptime(void) { return read_clock(CLOCK_MONOTONIC); }

int64_t cbench_process_cpu(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000
        + ((int64_t)usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

pid_t cbench_spawn(
    const char *path, char *const arguments[], int error_fd, int extra_fd, int *input, int *output) {
    int to_child[2], from_child[2];
    if (pipe2(to_child, O_CLOEXEC) != 0) return -errno;
    if (pipe2(from_child, O_CLOEXEC) != 0) {
        int error = errno;
        close(to_child[0]);
        close(to_child[1]);
        return -error;
    }
    pid_t child = fork();
    if (child == 0) {
        // Only async-signal-safe calls from here on.
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(to_child[0], 0);
        dup2(from_child[1], 1);
        if (error_fd >= 0) dup2(error_fd, 2);
        if (extra_fd >= 0) dup2(1, extra_fd);
        execv(path, arguments);
        _exit(127);
    }
    int error = errno;
    close(to_child[0]);
    close(from_child[1]);
    if (child < 0) {
        close(to_child[1]);
        close(from_child[0]);
        return -error;
    }
    *input = to_child[1];
    *output = from_child[0];
    return child;
}
