/*
 * The peer of epoll_echo.ts and readiness_echo.ts: an echo server on 127.0.0.1
 * with level-triggered epoll, one recv and one send for each event. Prints its
 * port, ends when it is killed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 1024
#define BUFFER (64 * 1024)

static void watch(int epoll, int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) {
    perror("epoll_ctl");
    exit(1);
  }
}

int main(void) {
  static char buffer[BUFFER];
  static struct epoll_event events[EVENTS];
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t length = sizeof address;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) ||
      listen(listener, SOMAXCONN) ||
      getsockname(listener, (struct sockaddr *)&address, &length)) {
    perror("listen");
    return 1;
  }
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  int epoll = epoll_create1(0);
  watch(epoll, listener);
  for (;;) {
    int ready = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        int accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (accepted >= 0) watch(epoll, accepted);
        continue;
      }
      ssize_t received = recv(fd, buffer, BUFFER, 0);
      if (received <= 0 || send(fd, buffer, received, MSG_NOSIGNAL) < 0)
        close(fd);
    }
  }
}
