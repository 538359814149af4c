/* The lines of the text files that people write: .cfg, .data, lists of images, labels, names. */
#ifndef TEXT_LINES_H
#define TEXT_LINES_H

#include <stdio.h>

/* The next line, which the caller frees, without its end (LF, CR LF or CR) and without a UTF-8 byte
   order mark before it; NULL at the end of the file. Ends the program with exit code 1 where the
   file turns out to be UTF-16 or no text, naming it. */
char *read_text_line(FILE *file);

/* The next line that is not blank, as above, without blanks at its ends. */
char *read_item(FILE *file);

/* Takes the blanks at both ends of the text. */
void trim_text(char *text);

/* Takes the blanks at the ends of a line of a .data file, and those beside its first "=". Ends the
   program with exit code 1, naming file and line, for a number with a blank in it and for an option
   without a value. */
void trim_data_line(const char *filename, int number, char *line);

/* The same for a line of a .cfg file, where those beside a comma or a comment go too, and all of a
   section's name. Others stay: a file's name may have them. */
void trim_cfg_line(const char *filename, int number, char *line);

/* Writes `text`, its first `old` replaced, to `output` of 4096 bytes, which may be `text`.
   Ends the program with exit code 1 where that is too long. */
void replace_text(const char *text, const char *old, const char *replacement, char *output);

#endif
