/* Ctrl-C, kill and a closed terminal: the first asks a run to stop, the second ends it. */
#ifndef STOP_SIGNAL_H
#define STOP_SIGNAL_H

/* From now on the first SIGINT, SIGTERM or SIGHUP is noted, and the second ends the program at once
   with exit code 128 + its number. A signal that the caller (nohup, say) has set to be ignored
   stays ignored. `silently`: without the line on stderr that says so. */
void catch_stop_signals(int silently);

/* From now on a line to a pipe whose reader has ended (`| head`, a viewer that quits) is lost, and
   does not end the program. */
void ignore_closed_pipes(void);

/* The signal that was noted, 0 before. Whatever takes longer than a batch asks. */
int stop_signal(void);

#endif
