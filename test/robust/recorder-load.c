/* A program over a library of its own allocations, in which much happens: threads, children, many blocks, odd ends. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCKS = 32, ROUNDS = 2000, MOST_THREADS = 256 };

static void *churn(void *seed) {
  unsigned random = (unsigned)(size_t)seed * 7919 + 1;
  char *blocks[BLOCKS] = {0};
  size_t sizes[BLOCKS] = {0};
  for (int i = 0; i < ROUNDS; i++) {
    random = random * 1103515245 + 12345;
    unsigned k = random >> 8 & (BLOCKS - 1);
    for (size_t at = 0; at < sizes[k]; at += 97)
      if (blocks[k][at] != (char)k)
        abort();
    if (blocks[k] != NULL && (random & 0x10000)) {
      blocks[k] = realloc(blocks[k], sizes[k] += 10);
    } else {
      free(blocks[k]);
      sizes[k] = (random >> 12) % 5000;
      blocks[k] = malloc(sizes[k]);
    }
    memset(blocks[k], (int)k, sizes[k]);
  }
  for (unsigned k = 0; k < BLOCKS; k++)
    free(blocks[k]);
  return NULL;
}

static void threads(int count) {
  pthread_t all[MOST_THREADS];
  for (int i = 0; i < count; i++)
    pthread_create(&all[i], NULL, churn, (void *)(size_t)i);
  for (int i = 0; i < count; i++)
    pthread_join(all[i], NULL);
}

static void forks(int count) {
  for (int i = 0; i < count; i++) {
    int status;
    pid_t child = fork();
    if (child == 0) {
      free(malloc(100));
      if (i % 2)
        _exit(3);
      exit(3);
    }
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 3)
      abort();
  }
}

static void blocks(int millions) {
  for (long i = 0; i < millions * 1000000L; i++) {
    char *volatile block = malloc((size_t)(16 + i % 240));
    block[0] = 1;
    free(block);
  }
}

/* Each way through the two calls is a stack of its own. */
__attribute__((noinline)) static unsigned ways(unsigned depth, unsigned way) {
  if (depth == 0) {
    void *volatile block = malloc(16);
    free(block);
    return 0;
  }
  if (way & 1)
    return ways(depth - 1, way >> 1) + 1;
  return ways(depth - 1, way >> 1) + 2;
}

static void *all_ways(void *seed) {
  for (unsigned way = 0; way < 2048; way++)
    ways(14, way | (unsigned)(size_t)seed << 11);
  return NULL;
}

static void stacks(int count) {
  pthread_t all[MOST_THREADS];
  for (int i = 0; i < count; i++)
    pthread_create(&all[i], NULL, all_ways, (void *)(size_t)i);
  for (int i = 0; i < count; i++)
    pthread_join(all[i], NULL);
}

static void write_to_freed(void) {
  volatile char *block = malloc(64);
  free((void *)block);
  *(volatile char *)(block + 5) = 'x';
}

static void free_twice(void) {
  void *volatile block = malloc(64);
  free(block);
  free(block);
}

static void close_all(void) {
  for (int fd = 3; fd < 1100; fd++)
    close(fd);
  churn((void *)7);
}

/* The library's part of the program. */
__attribute__((visibility("default"))) int load_run(const char *what, int count) {
  if (strcmp(what, "threads") == 0)
    threads(count);
  else if (strcmp(what, "forks") == 0)
    forks(count);
  else if (strcmp(what, "blocks") == 0)
    blocks(count);
  else if (strcmp(what, "stacks") == 0)
    stacks(count);
  else if (strcmp(what, "close-all") == 0)
    close_all();
  else if (strcmp(what, "killed") == 0) {
    free_twice();
    kill(getpid(), SIGKILL);
  } else if (strcmp(what, "ended-at-once") == 0) {
    write_to_freed();
    fflush(stdout);
    _exit(4);
  }
  return 0;
}
