/* Trees of classes: files that tree= and leaves= name. */
#ifndef CLASS_TREE_H
#define CLASS_TREE_H

#include "darknet.h"

/* Ends the program with exit code 1, naming file and line, unless each line of the file is a name
   of at most 255 characters and its parent: the number of a line above (from 0), or -1; lines of
   one parent must follow each other. Returns the number of lines. Darknet's read_tree calls it
   first. */
long check_tree_file(const char *filename);

/* tree= of a .data file, NULL where it is not given, makes labels of inner nodes of those of
   leaves: the network's [softmax] must have a tree= too, and the file as many classes as outputs.
   Returns the tree to train with, NULL for none; ends the program where it does not fit. */
tree *get_label_tree(const network *net, char *filename, const char *datacfg);

/* leaves= of a .data file, NULL where it is not given, says which of the network's classes are
   judged: it needs a tree and must name at least one of its classes. */
void choose_leaves(const network *net, char *filename, const char *datacfg);

#endif
