/* What `--help`, `--version` and a wrong call print. */
#ifndef USAGE_H
#define USAGE_H

#include <stdio.h>

/* The usage of one command of `darknet classifier`, with its flags; of all commands, a line each,
   where `command` is NULL or unknown. */
void print_usage(FILE *file, const char *command);

/* Prints why a call is wrong (a line without its end), then the usage of its command, to stderr;
   ends the program with exit code 1. */
void refuse_call(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

/* Checks the words of `darknet classifier COMMAND ...` against the usage of that command: an
   unknown command, a flag that the command lacks or that lacks its value, a word that is missing,
   empty or too many ends the program by refuse_call. */
void check_call(int argc, char **argv);

/* Called first in main: answers `darknet`, `--help` and `--version` and ends the program. */
void answer_help(int argc, char **argv);

#endif
