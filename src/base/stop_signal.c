/* Signals that ask a run to stop. */
#define _GNU_SOURCE /* sigaction */
#include "stop_signal.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static volatile sig_atomic_t noted;
static int quiet;

static void ask_to_stop(int number)
{
    static const char message[] =
        "\nStopping after this batch; a second signal stops at once, without saving\n";
    if (noted) _exit(128 + number);
    noted = number;
    if (!quiet && write(STDERR_FILENO, message, sizeof message - 1) < 0) return;
}

void catch_stop_signals(int silently)
{
    quiet = silently;
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; ++i) {
        struct sigaction old, new = {.sa_handler = ask_to_stop, .sa_flags = SA_RESTART};
        if (sigaction(numbers[i], NULL, &old) || old.sa_handler == SIG_IGN) continue;
        sigaction(numbers[i], &new, NULL);
    }
}

void ignore_closed_pipes(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, NULL);
}

int stop_signal(void)
{
    return noted;
}
