/* Counts the calls of one process that change files below a folder, and breaks one of them.

   Preloaded before libc. `crash_arm` chooses the folder, the number of the call, counted from 1, and
   what happens there:
     0  nothing; the calls are counted
     1  the process is killed, a write after half of its bytes
     N  the call fails once with errno N
    -N  this call and all later ones that need space fail with errno N, as on a full disk */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char folder[PATH_MAX], report[PATH_MAX];
static int action, armed_pid;
static long number;
static atomic_long calls;

void crash_arm(const char *below, long call, int what, const char *report_file)
{
    snprintf(folder, sizeof folder, "%s", below);
    snprintf(report, sizeof report, "%s", report_file);
    number = call;
    action = what;
    atomic_store(&calls, 0);
    armed_pid = getpid();
}

long crash_calls(void) { return atomic_load(&calls); }

static void note(long call, const char *name, const char *path)
{
    char line[PATH_MAX + 64];
    int length = snprintf(line, sizeof line, "%ld %s %s\n", call, name, path + strlen(folder));
    int fd = syscall(SYS_openat, AT_FDCWD, report, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    syscall(SYS_write, fd, line, length);
    syscall(SYS_close, fd);
}

/* Return the errno with which the call fails, -1 where the process dies, 0 otherwise. */
static int outcome(const char *name, const char *path, int needs_space)
{
    size_t length = strlen(folder);
    if (armed_pid == 0 || armed_pid != getpid() || strncmp(path, folder, length) ||
        (path[length] != '/' && path[length] != 0))
        return 0;
    long call = atomic_fetch_add(&calls, 1) + 1;
    if (action == 0)
        note(call, name, path);
    if (action == 0 || call < number || (call > number && (action > 0 || !needs_space)))
        return 0;
    if (call == number)
        note(call, name, path);
    if (action == 1)
        return -1;
    return action > 0 ? action : -action;
}

static void die(void) { syscall(SYS_kill, getpid(), SIGKILL); for (;;) pause(); }

static int of_path(const char *name, int at, const char *path, int needs_space)
{
    char whole[PATH_MAX], link[64];
    if (armed_pid == 0 || !path)
        return 0;
    if (path[0] == '/')
        return outcome(name, path, needs_space);
    ssize_t length;
    if (at == AT_FDCWD)
        length = syscall(SYS_getcwd, whole, sizeof whole) - 1;
    else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        length = readlink(link, whole, sizeof whole - 1);
    }
    if (length < 0 || length + strlen(path) + 2 > sizeof whole)
        return 0;
    snprintf(whole + length, sizeof whole - length, "/%s", path);
    return outcome(name, whole, needs_space);
}

static int of_fd(const char *name, int fd, int needs_space)
{
    char path[PATH_MAX], link[64];
    if (armed_pid == 0 || armed_pid != getpid())
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0)
        return 0;
    path[length] = 0;
    return outcome(name, path, needs_space);
}

#define BREAK(check)                                                                               \
    do {                                                                                           \
        int broken = check;                                                                        \
        if (broken < 0)                                                                            \
            die();                                                                                 \
        if (broken) {                                                                              \
            errno = broken;                                                                        \
            return -1;                                                                             \
        }                                                                                          \
    } while (0)

#define REAL(type, name, ...)                                                                      \
    static type (*real)(__VA_ARGS__);                                                              \
    if (!real)                                                                                     \
        real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *content, size_t size)
{
    REAL(ssize_t, write, int, const void *, size_t);
    int broken = of_fd("write", fd, 1);
    if (broken < 0) {
        real(fd, content, size / 2);
        die();
    }
    if (broken) {
        errno = broken;
        return -1;
    }
    return real(fd, content, size);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    REAL(ssize_t, writev, int, const struct iovec *, int);
    BREAK(of_fd("writev", fd, 1));
    return real(fd, parts, count);
}

#define PWRITE(name, offset_type)                                                                  \
    ssize_t name(int fd, const void *content, size_t size, offset_type at)                         \
    {                                                                                              \
        REAL(ssize_t, name, int, const void *, size_t, offset_type);                               \
        BREAK(of_fd("pwrite", fd, 1));                                                             \
        return real(fd, content, size, at);                                                        \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define OF_FD(name)                                                                                \
    int name(int fd)                                                                               \
    {                                                                                              \
        REAL(int, name, int);                                                                      \
        BREAK(of_fd(#name, fd, 0));                                                                \
        return real(fd);                                                                           \
    }
OF_FD(fsync)
OF_FD(fdatasync)

#define TRUNCATE(suffix, offset_type)                                                              \
    int ftruncate##suffix(int fd, offset_type size)                                                \
    {                                                                                              \
        REAL(int, ftruncate##suffix, int, offset_type);                                            \
        BREAK(of_fd("ftruncate", fd, 0));                                                          \
        return real(fd, size);                                                                     \
    }                                                                                              \
    int truncate##suffix(const char *path, offset_type size)                                       \
    {                                                                                              \
        REAL(int, truncate##suffix, const char *, offset_type);                                    \
        BREAK(of_path("truncate", AT_FDCWD, path, 0));                                             \
        return real(path, size);                                                                   \
    }
TRUNCATE(, off_t)
TRUNCATE(64, off64_t)

#define OPEN(name)                                                                                 \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        REAL(int, name, const char *, int, ...);                                                   \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        mode_t mode = va_arg(rest, mode_t);                                                        \
        va_end(rest);                                                                              \
        if (flags & (O_WRONLY | O_RDWR | O_CREAT))                                                 \
            BREAK(of_path("open", AT_FDCWD, path, (flags & O_CREAT) && access(path, F_OK)));       \
        return real(path, flags, mode);                                                            \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                               \
    int name(int at, const char *path, int flags, ...)                                             \
    {                                                                                              \
        REAL(int, name, int, const char *, int, ...);                                              \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        mode_t mode = va_arg(rest, mode_t);                                                        \
        va_end(rest);                                                                              \
        if (flags & (O_WRONLY | O_RDWR | O_CREAT))                                                 \
            BREAK(of_path("open", at, path, (flags & O_CREAT) && faccessat(at, path, F_OK, 0)));   \
        return real(at, path, flags, mode);                                                        \
    }
OPENAT(openat)
OPENAT(openat64)

#define FOPEN(name)                                                                                \
    FILE *name(const char *path, const char *mode)                                                 \
    {                                                                                              \
        REAL(FILE *, name, const char *, const char *);                                            \
        int broken = mode[0] == 'r' && !strchr(mode, '+') ? 0 : of_path("open", AT_FDCWD, path, 1);\
        if (broken < 0)                                                                            \
            die();                                                                                 \
        if (broken) {                                                                              \
            errno = broken;                                                                        \
            return NULL;                                                                           \
        }                                                                                          \
        return real(path, mode);                                                                   \
    }
FOPEN(fopen)
FOPEN(fopen64)

int rename(const char *from, const char *to)
{
    REAL(int, rename, const char *, const char *);
    BREAK(of_path("rename", AT_FDCWD, to, 0));
    return real(from, to);
}

int renameat(int at, const char *from, int at_to, const char *to)
{
    REAL(int, renameat, int, const char *, int, const char *);
    BREAK(of_path("rename", at_to, to, 0));
    return real(at, from, at_to, to);
}

int unlink(const char *path)
{
    REAL(int, unlink, const char *);
    BREAK(of_path("unlink", AT_FDCWD, path, 0));
    return real(path);
}

int unlinkat(int at, const char *path, int flags)
{
    REAL(int, unlinkat, int, const char *, int);
    BREAK(of_path("unlink", at, path, 0));
    return real(at, path, flags);
}

int rmdir(const char *path)
{
    REAL(int, rmdir, const char *);
    BREAK(of_path("rmdir", AT_FDCWD, path, 0));
    return real(path);
}

int mkdir(const char *path, mode_t mode)
{
    REAL(int, mkdir, const char *, mode_t);
    if (access(path, F_OK))
        BREAK(of_path("mkdir", AT_FDCWD, path, 1));
    return real(path, mode);
}

int mkdirat(int at, const char *path, mode_t mode)
{
    REAL(int, mkdirat, int, const char *, mode_t);
    if (faccessat(at, path, F_OK, 0))
        BREAK(of_path("mkdir", at, path, 1));
    return real(at, path, mode);
}

int link(const char *from, const char *to)
{
    REAL(int, link, const char *, const char *);
    BREAK(of_path("link", AT_FDCWD, to, 1));
    return real(from, to);
}

int symlink(const char *target, const char *path)
{
    REAL(int, symlink, const char *, const char *);
    BREAK(of_path("symlink", AT_FDCWD, path, 1));
    return real(target, path);
}
