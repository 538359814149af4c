/* Preloaded into a Darknet that knows no seed: threads run one after the other and the clock stands
   still, so that two runs of two builds can be compared bit for bit. */
#include <pthread.h>
#include <time.h>

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument)
{
    (void)attributes;
    *thread = pthread_self();
    run(argument);
    return 0;
}

int pthread_join(pthread_t thread, void **result)
{
    (void)thread;
    if (result) *result = 0;
    return 0;
}

time_t time(time_t *now)
{
    if (now) *now = 1000000;
    return 1000000;
}
