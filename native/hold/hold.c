/*
 * hold: the process that becomes the target.
 *
 *   hold <fd> <nofile> <file> <argv0> [args...]
 *
 * It waits for one byte on <fd>, so that a debugger can attach before the target's first instruction,
 * and then executes the command in its own place. Started this way the target keeps its parent, its
 * descriptors, its terminal and its process group, and its wait status reaches ffi-doctor directly: a
 * debugger that started it would own all of these.
 *
 * <nofile> is the soft RLIMIT_NOFILE to restore, or "-": Node raises its own at start and would hand it down.
 *
 * On <fd>: 'g' lets it go. End of file means that ffi-doctor is gone: exit 125, the command is not run.
 * A failed execve writes the errno as decimal text and exits 126 (127 for ENOENT), as a shell would.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { EXIT_NOT_RELEASED = 125, EXIT_CANNOT_EXECUTE = 126, EXIT_NOT_FOUND = 127 };

static void restore_nofile(const char *text)
{
    if (strcmp(text, "-") == 0)
        return;
    char *end = NULL;
    unsigned long long soft = strtoull(text, &end, 10);
    struct rlimit limit;
    if (*end != '\0' || getrlimit(RLIMIT_NOFILE, &limit) != 0 || soft > limit.rlim_max)
        return;
    limit.rlim_cur = soft;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int released(int fd)
{
    char byte = 0;
    ssize_t n;
    do
        n = read(fd, &byte, 1);
    while (n < 0 && errno == EINTR);
    return n == 1 && byte == 'g';
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fputs("usage: hold <fd> <nofile> <file> <argv0> [args...]\n", stderr);
        return EXIT_NOT_RELEASED;
    }
    int fd = atoi(argv[1]);
    /* Yama's scope 1 lets only ancestors trace; the debugger is a sibling. Taken back before the target runs. */
    (void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    if (!released(fd))
        return EXIT_NOT_RELEASED;
    (void)prctl(PR_SET_PTRACER, 0, 0, 0, 0);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    restore_nofile(argv[2]);
    execv(argv[3], argv + 4);
    int reason = errno;
    char text[16];
    int length = snprintf(text, sizeof text, "%d", reason);
    if (length > 0 && write(fd, text, (size_t)length) < 0)
        return EXIT_CANNOT_EXECUTE;
    return reason == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE;
}
