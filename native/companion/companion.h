#ifndef FFI_DOCTOR_COMPANION_H
#define FFI_DOCTOR_COMPANION_H

#include <stddef.h>

enum { COMPANION_PATH = 4096 };

/* Where to write to; empty when nothing is to be written. */
const char *companion_folder(void);

/* record.c: process.<pid>, one fact a line, made anew in a forked child. */
void record_start(void);
void record_libraries(void);
void record_word(const char *line);
void record_text(const char *key, const char *text);
void record_end(const char *how, int status);
void record_own_end(int status);

/* loading.c */
void loading_prepare(void);

/* signals.c */
enum host { HOST_OTHER, HOST_GO, HOST_JAVA };
void signals_prepare(enum host host);
/* To be called where the process ends: from within a fault's handler that is a crash. */
void signals_give_up(void);
/* Whether a handler of the program's had its turn with the fault of which the process dies. */
int signals_reported(void);
/* From here on handlers are the program's own affair again. */
void signals_stop(void);

/* runpath.c */
const char *find_on_runpath(const char *file, char *into);

/* host_stack.c */
/* Notes that Go is in the program, and whether it is. */
int record_runtime(void);
int has_jvm(void);
void record_host_stack(void);

/* output.c: lines of a file, without a lock or an allocation. */
struct output {
  int fd;
  size_t used;
  char bytes[1024];
};
/* False when the file cannot be written; then the others do nothing. */
int output_open(struct output *out, const char *name);
void output_text(struct output *out, const char *text);
/* Line ends and backslashes are written as \xHH. */
void output_escaped(struct output *out, const char *text);
void output_number(struct output *out, unsigned long value, unsigned base);
void output_close(struct output *out);

#endif
