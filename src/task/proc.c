#define _GNU_SOURCE /* pipe2 */
#include "proc_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { READ_END, WRITE_END };

static void proc_close(int fd[2])
{
    for (int i = 0; i < 2; i++)
        if (fd[i] >= 0) close(fd[i]);
    fd[0] = fd[1] = -1;
}

static int proc_spawn(pid_t *pid, char *const argv[], const int out[2], const int say[2])
{
    posix_spawn_file_actions_t acts;
    int why = posix_spawn_file_actions_init(&acts);
    if (why != 0) return why;
    why = posix_spawn_file_actions_addopen(&acts, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (why == 0) why = posix_spawn_file_actions_adddup2(&acts, out[WRITE_END], STDOUT_FILENO);
    if (why == 0) why = posix_spawn_file_actions_adddup2(&acts, say[WRITE_END], STDERR_FILENO);
    if (why == 0) why = posix_spawnp(pid, argv[0], &acts, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&acts);
    return why;
}

/* Read both pipes until both are closed. */
static void proc_drain(Str *out, Str *say, int out_fd, int say_fd)
{
    struct pollfd p[2] = {{out_fd, POLLIN, 0}, {say_fd, POLLIN, 0}};
    Str *to[2] = {out, say};
    char buf[1 << 16];
    while (p[0].fd >= 0 || p[1].fd >= 0) {
        if (poll(p, 2, -1) < 0 && errno != EINTR) return;
        for (int i = 0; i < 2; i++) {
            if (p[i].fd < 0 || p[i].revents == 0) continue;
            ssize_t n = read(p[i].fd, buf, sizeof buf);
            if (n > 0) str_put(to[i], buf, (size_t)n);
            if (n == 0 || (n < 0 && errno != EINTR)) p[i].fd = -1;
        }
    }
}

Status proc_run(Str *out, Str *say, int *code, char *const argv[], Err *e)
{
    int o[2] = {-1, -1}, s[2] = {-1, -1}, status = 0;
    pid_t pid = 0;
    int why = pipe2(o, O_CLOEXEC) != 0 || pipe2(s, O_CLOEXEC) != 0 ? errno : 0;
    if (why == 0) why = proc_spawn(&pid, argv, o, s);
    if (why != 0) {
        proc_close(o);
        proc_close(s);
        FAIL(e, ERR_IO, "cannot run %s: %s", argv[0], strerror(why));
    }
    close(o[WRITE_END]);
    close(s[WRITE_END]);
    o[WRITE_END] = s[WRITE_END] = -1;
    proc_drain(out, say, o[READ_END], s[READ_END]);
    proc_close(o);
    proc_close(s);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    if (out->failed || say->failed) FAIL(e, ERR_NOMEM, "no memory for the output of %s", argv[0]);
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return OK;
}
