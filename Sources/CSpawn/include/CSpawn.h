#ifndef CSPAWN_H
#define CSPAWN_H

#include <sys/types.h>

// What Swift's Glibc module leaves out because it is GNU's own.

/// A pipe whose ends are close-on-exec from the first instant: `ends[0]` to read from, `ends[1]` to write to.
/// Returns 0 or the number of the error.
int cspawn_pipe(int ends[2]);

/// Starts a program (looked up in PATH if it has no slash) without a shell, with these three descriptors as its standard
/// streams, and returns when the system has loaded it. The descriptors must lie above the standard ones.
///
/// The child leads a session and process group of its own. No signal is blocked there, and all have their defaults. Every
/// other descriptor is closed in it, also those without close-on-exec. With posix_spawn, because between fork and exec of a
/// process with threads hardly anything is allowed.
///
/// Returns 0 or the number of the error, such as ENOENT.
int cspawn_start(pid_t *pid, const char *program, char *const arguments[], char *const environment[], int input,
                 int output, int errors);

#endif
