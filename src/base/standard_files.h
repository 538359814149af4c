/* Standard input, output and error of a program that was started without some of them. */
#ifndef STANDARD_FILES_H
#define STANDARD_FILES_H

/* Called first in main. Where descriptor 0, 1 or 2 is closed, the next file to be opened would get
   its number, and messages would be written into weights. Each is taken by /dev/null, opened the
   wrong way: to read or write there fails, as it does with a closed one. */
void open_standard_files(void);

#endif
