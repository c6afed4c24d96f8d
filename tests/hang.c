/* A library that is loaded before a program and lets its openings of some files hang, as a network mount does whose
 * server is gone: those of paths that contain $HANG_ON, for as long as the file $HANG_WHILE exists. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void hang(const char *path) {
    const char *on = getenv("HANG_ON"), *marker = getenv("HANG_WHILE");
    if (on && marker && path && strstr(path, on))
        while (access(marker, F_OK) == 0)
            usleep(2000);
}

#define OPEN(name)                                                                       \
    int name(const char *path, int flags, ...) {                                         \
        va_list arguments;                                                               \
        va_start(arguments, flags);                                                      \
        int mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(arguments, int) : 0;         \
        va_end(arguments);                                                               \
        hang(path);                                                                      \
        return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name))(path, flags, mode); \
    }

OPEN(open)
OPEN(open64)
