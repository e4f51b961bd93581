/*
 * The peer of readiness_cost.ts: what one call of poll, select and epoll costs
 * with so many descriptors of which one is ready. Prints microseconds. With
 * "threads" a second thread sleeps beside: the kernel then counts references to
 * every descriptor that it looks at, as it does in any process with threads.
 *
 *   readiness_cost poll|select|epoll DESCRIPTORS CALLS [threads]
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void *sleeper(void *unused) {
  pause();
  return unused;
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  pthread_t thread;
  if (argc > 4 && pthread_create(&thread, NULL, sleeper, NULL)) return 1;
  int count = atoi(argv[2]), calls = atoi(argv[3]), found = 0;
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  struct pollfd *fds = calloc(count, sizeof *fds);
  int set = epoll_create1(0), pair[2] = {0, 0}, highest = 0;
  for (int i = 0; i < count; i++) {
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) return perror("socketpair"), 1;
    fds[i] = (struct pollfd){.fd = pair[0], .events = POLLIN};
    struct epoll_event event = {.events = EPOLLIN, .data.fd = pair[0]};
    epoll_ctl(set, EPOLL_CTL_ADD, pair[0], &event);
    if (pair[0] > highest) highest = pair[0];
  }
  if (write(pair[1], "x", 1) != 1) return 1;
  /* select has no room for descriptors above its FD_SETSIZE: poll it is. */
  int selecting = !strcmp(argv[1], "select") && highest < FD_SETSIZE;
  struct epoll_event events[64];
  double start = now();
  for (int call = 0; call < calls; call++) {
    if (!strcmp(argv[1], "epoll")) found += epoll_wait(set, events, 64, 0);
    else if (selecting) {
      fd_set readable;
      FD_ZERO(&readable);
      for (int i = 0; i < count; i++) FD_SET(fds[i].fd, &readable);
      struct timeval none = {0, 0};
      found += select(highest + 1, &readable, NULL, NULL, &none);
    } else found += poll(fds, count, 0);
  }
  printf("%.3f\n", (now() - start) / calls);
  return found == calls ? 0 : 1;
}
