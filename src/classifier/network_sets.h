/* Which network a file of prediction sets is for. */
#ifndef NETWORK_SETS_H
#define NETWORK_SETS_H

#include "darknet.h"
#include "sets_file.h"

/* What sets of this network are for, loaded from this weights file, and of these classes. Ends the
   program with exit code 1 for a network with a tree of classes. */
sets_origin origin_of_network(network *net, const char *cfgfile, const char *weightfile,
                              char **labels, int classes);

/* The sets of a file, for that network. Ends the program with exit code 1 and a message where they
   are for another. */
sets_file load_sets(const char *filename, const sets_origin *origin);

/* The factor on the temperature of the output for calibrated percentages; 1 where the sets have no
   fitted temperature. */
double temperature_factor(const sets_file *file);

#endif
