/* Standard input, output and error of a program that was started without some of them. */
#ifndef STANDARD_FILES_H
#define STANDARD_FILES_H

/* Called first in main. Where descriptor 0, 1 or 2 is closed, the next file to be opened would get
   its number, and messages would be written into weights. Each is taken by /dev/null, opened the
   wrong way: to read or write there fails, as it does with a closed one. */
void open_standard_files(void);

/* Called last in main: 1 if all that was printed to standard output has been written; else says
   that it has not, and returns 0. */
int is_output_written(void);

/* What this command prints is no result: is_output_written() is 1 whatever became of it. */
void print_no_results(void);

#endif
