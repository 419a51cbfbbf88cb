/* A library that allocates and frees, and (with -DPROGRAM) a program that calls it: CPU time for each pair, in nanoseconds. */
#define _GNU_SOURCE
#ifdef PROGRAM
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void pairs(long count, int live);

static volatile int over;

static void *spin(void *unused) {
  while (!over) {
  }
  return unused;
}

static double cpu(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

int main(int argc, char **argv) {
  long count = atol(argv[1]);
  pthread_t busy;
  if (argc > 2)
    pthread_create(&busy, NULL, spin, NULL);
  pairs(2000, 64);
  double before = cpu();
  pairs(count, 64);
  printf("%.1f\n", (cpu() - before) / (double)count);
  over = 1;
  return 0;
}
#else
#include <stdlib.h>

enum { SMALLEST = 64, LARGEST = 4096, MOST_LIVE = 4096 };

void pairs(long count, int live) {
  static char *blocks[MOST_LIVE];
  unsigned long random = 88172645463325252ul;
  for (long i = 0; i < count; i++) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    int k = (int)(random % (unsigned long)live);
    size_t size = SMALLEST + (random >> 20) % (LARGEST - SMALLEST + 1);
    free(blocks[k]);
    blocks[k] = malloc(size);
    blocks[k][0] = 1;
    blocks[k][size - 1] = 2;
  }
  for (int i = 0; i < live; i++) {
    free(blocks[i]);
    blocks[i] = NULL;
  }
}

/* One pair, as a call from a script is. */
void pair(unsigned size) {
  char *volatile block = malloc(size);
  block[0] = 1;
  free(block);
}
#endif
