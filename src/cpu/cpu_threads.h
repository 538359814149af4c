#ifndef CPU_THREADS_H
#define CPU_THREADS_H

/* work(argument, task, slot) for each task in 0 .. tasks - 1, on up to cpu.threads threads; returns
   when all are done. Two tasks that run at the same time have different slots, 0 <= slot <
   cpu.threads. A slot takes its own share first, the same in each loop of as many tasks, so that
   what a core wrote stays in its cache; then what others have not begun. The caller works too and
   never waits for a thread that has not started, so a core taken by another process costs no more
   than its share. A thread with nothing to do waits awake for 30 microseconds, then sleeps.

   Results must not depend on the slot: then they do not depend on the number of threads. Called
   while another call runs (nested, or from another thread), it does all tasks itself, in slot 0. */
void parallel_for(int tasks, void (*work)(void *argument, int task, int slot), void *argument);

/* For threads that load images: the step goes first where both want a core. */
void cpu_background_thread(void);

#endif
