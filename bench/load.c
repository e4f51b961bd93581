/*
 * A load generator for servers on 127.0.0.1: one thread, epoll, closed loops
 * that end by themselves. Prints one line of JSON.
 *
 * `spin` before the mode has a closed loop look for answers without ever
 * sleeping, for a load that has a core of its own. A server of clients on other
 * machines does not wake them; here each of its calls that finds the load asleep
 * pays for that, several microseconds on a virtual machine, and pays more the
 * slower it is.
 *
 * `proxied` before the mode has each connection begin with a PROXY header of
 * version 2, as a balancer's do.
 *
 *   load echo PORT CONNS SIZE MS IDLE   ask and wait for the echo; IDLE more
 *                                       connections stay open and silent
 *   load connect PORT CONNS SIZE MS     connect, read SIZE bytes to the end, close
 *   load visit PORT PAUSE SIZE MS       as connect, one at a time, the next one
 *                                       PAUSE milliseconds after the last came
 *   load udp PORT SOCKETS SIZE MS       as echo, with one datagram a question
 *   load websocket PORT CONNS SIZE MS   as echo, with one message a question, in one
 *                                       frame of text, on connections upgraded before
 *   load send PORT BYTES                send, end, wait for the server's end
 *   load recv PORT BYTES                end, read to the server's end
 *   load idle PORT CONNS BURST          connect, send BURST bytes and read them
 *                                       back, say "ready", hold until stdin ends
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* No loop runs longer than this, whatever the server does. */
#define GIVE_UP_MS 120000
/* A datagram without an answer for this long is sent again. */
#define RESEND_MS 200
/* How often that is looked for. */
#define RESEND_CHECK_MS 20

struct peer {
  int fd;
  size_t got; /* bytes of the current answer */
  uint64_t answers;
  double sent;
};

/* Connections go to the ports in turn. */
#define MOST_PORTS 64
static int ports[MOST_PORTS], port_count, next_port;
static int epfd, kind = SOCK_STREAM, spin, proxied;
static char *buffer;
/* Sizes of a question, which the buffer begins with, and of its answer. */
static size_t asked, answered;
#define BUFFER (256 * 1024)

static void die(const char *what) {
  fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/* proxy-protocol.txt, section 2.2: 192.0.2.1:1024 to 192.0.2.2:80 by TCP. */
static const char proxy_header[] =
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"
    "\xc0\0\x02\x01\xc0\0\x02\x02\x04\0\0\x50";

static int dial(void) {
  int fd = socket(AF_INET, kind | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  int port = ports[next_port++ % port_count];
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (struct sockaddr *)&to, sizeof to)) die("connect");
  int one = 1;
  if (kind == SOCK_STREAM)
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  ssize_t length = sizeof proxy_header - 1;
  if (proxied && send(fd, proxy_header, length, MSG_NOSIGNAL) != length) die("send");
  if (fcntl(fd, F_SETFL, O_NONBLOCK)) die("fcntl");
  return fd;
}

static void watch(struct peer *peer) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
  if (epoll_ctl(epfd, EPOLL_CTL_ADD, peer->fd, &event)) die("epoll_ctl");
}

static void ask(struct peer *peer) {
  peer->got = 0;
  peer->sent = now_ms();
  if (send(peer->fd, buffer, asked, MSG_NOSIGNAL) != (ssize_t)asked) die("send");
}

static void blocking(int fd) {
  struct timeval limit = {.tv_sec = GIVE_UP_MS / 1000};
  fcntl(fd, F_SETFL, 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

/* RFC 6455, section 4.1; nobody looks at the key that comes back. */
static void upgrade(int fd) {
  static const char request[] =
      "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
      "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  char head[4096];
  size_t got = 0;
  blocking(fd);
  if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0) die("send");
  do {
    ssize_t n = recv(fd, head + got, sizeof head - 1 - got, 0);
    if (n <= 0) die("recv");
    head[got += n] = 0;
  } while (!strstr(head, "\r\n\r\n") && got < sizeof head - 1);
  if (strncmp(head, "HTTP/1.1 101 ", 13)) {
    fprintf(stderr, "load: no upgrade: %.40s\n", head);
    exit(1);
  }
  if (fcntl(fd, F_SETFL, O_NONBLOCK)) die("fcntl");
}

/* A client's frame of text, RFC 6455, section 5.2, and the size of a server's. */
static void frame(size_t size) {
  static const unsigned char key[] = {0x37, 0xfa, 0x21, 0x3d};
  int more = size < 126 ? 0 : size < 65536 ? 2 : 8;
  unsigned char *at = (unsigned char *)buffer;
  *at++ = 0x81;
  *at++ = 0x80 | (more == 0 ? size : more == 2 ? 126 : 127);
  for (int i = more - 1; i >= 0; i--) *at++ = (uint64_t)size >> 8 * i;
  memcpy(at, key, 4);
  at += 4;
  for (size_t i = 0; i < size; i++) at[i] = ('a' + i % 26) ^ key[i % 4];
  asked = 6 + more + size;
  answered = 2 + more + size;
}

static int later(const void *a, const void *b) {
  double d = *(const double *)a - *(const double *)b;
  return (d > 0) - (d < 0);
}

enum { KEPT = 1 << 20 };

/* least: the answers to whom had fewest, of an equal share. */
static void print_latencies(double *latency, uint64_t done, double ms,
                            uint64_t resent, double least) {
  size_t kept = done < KEPT ? done : KEPT;
  if (kept == 0) {
    fprintf(stderr, "load: no answer at all\n");
    exit(1);
  }
  qsort(latency, kept, sizeof *latency, later);
  printf("{\"count\":%llu,\"perSecond\":%.1f,\"p50\":%.4f,\"p90\":%.4f,"
         "\"p99\":%.4f,\"resent\":%llu,\"least\":%.3f}\n",
         (unsigned long long)done, done / ms * 1e3, latency[kept / 2],
         latency[kept * 9 / 10], latency[kept * 99 / 100], (unsigned long long)resent, least);
}

static void closed_loop(const char *mode, int count, double ms, int idle) {
  int connecting = !strcmp(mode, "connect");
  struct peer *peers = calloc(count, sizeof *peers);
  for (int i = 0; i < idle; i++) dial();
  for (int i = 0; i < count; i++) {
    peers[i].fd = dial();
    if (!strcmp(mode, "websocket")) upgrade(peers[i].fd);
    watch(&peers[i]);
  }
  double *latency = malloc(KEPT * sizeof *latency);
  double start = now_ms(), end = start + ms, time = start, checked = start;
  int patience = spin ? 0 : kind == SOCK_DGRAM ? RESEND_CHECK_MS : 1000;
  for (int i = 0; i < count; i++) {
    peers[i].sent = start;
    if (!connecting) ask(&peers[i]);
  }
  uint64_t done = 0, resent = 0;
  struct epoll_event events[512];
  /* On a machine that is busy elsewhere the first answer may take longer. */
  while ((time = now_ms()) < end || (done == 0 && time - start < GIVE_UP_MS)) {
    int n = epoll_wait(epfd, events, 512, patience);
    if (n < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < n; i++) {
      struct peer *peer = events[i].data.ptr;
      ssize_t got = recv(peer->fd, buffer + BUFFER, BUFFER, 0);
      if (got < 0) {
        if (errno == EAGAIN) continue;
        die("recv");
      }
      peer->got += got;
      if (connecting ? got == 0 : peer->got == answered) {
        if (peer->got != answered) {
          fprintf(stderr, "load: a reply of %zu bytes, not %zu\n", peer->got, answered);
          exit(1);
        }
        latency[done++ % KEPT] = now_ms() - peer->sent;
        peer->answers++;
        if (connecting) {
          close(peer->fd);
          peer->got = 0;
          peer->sent = now_ms();
          peer->fd = dial();
          watch(peer);
        } else ask(peer);
      } else if (got == 0 || (!connecting && peer->got > answered)) {
        fprintf(stderr, "load: a wrong answer after %zu bytes\n", peer->got);
        exit(1);
      }
    }
    if (kind == SOCK_DGRAM && n == 0 && time - checked >= RESEND_CHECK_MS) {
      checked = time;
      for (int i = 0; i < count; i++)
        if (time - peers[i].sent > RESEND_MS) {
          ask(&peers[i]);
          resent++;
        }
    }
  }
  uint64_t least = done;
  for (int i = 0; i < count; i++)
    if (peers[i].answers < least) least = peers[i].answers;
  print_latencies(latency, done, time - start, resent,
                  (double)least * count / done);
}

static void visit(double pause, size_t size, double ms) {
  double *latency = malloc(KEPT * sizeof *latency);
  uint64_t done = 0;
  double start = now_ms();
  while (now_ms() - start < ms) {
    double came = now_ms();
    int fd = dial();
    blocking(fd);
    size_t got = 0;
    ssize_t n;
    while ((n = recv(fd, buffer, BUFFER, 0)) > 0) got += n;
    if (n < 0) die("recv");
    latency[done++ % KEPT] = now_ms() - came;
    close(fd);
    if (got != size) {
      fprintf(stderr, "load: a reply of %zu bytes, not %zu\n", got, size);
      exit(1);
    }
    double left = came + pause - now_ms();
    if (left > 0) usleep(left * 1e3);
  }
  print_latencies(latency, done, now_ms() - start, 0, 1);
}

static void transfer(int sending, uint64_t bytes) {
  int fd = dial();
  blocking(fd);
  double start = now_ms();
  for (uint64_t left = sending ? bytes : 0; left > 0;) {
    ssize_t n = send(fd, buffer, left < BUFFER ? left : BUFFER, MSG_NOSIGNAL);
    if (n <= 0) die("send");
    left -= n;
  }
  shutdown(fd, SHUT_WR);
  uint64_t got = 0;
  ssize_t n;
  while ((n = recv(fd, buffer, BUFFER, 0)) > 0) got += n;
  if (n < 0) die("recv");
  if (got != (sending ? 0 : bytes)) {
    fprintf(stderr, "load: received %llu bytes\n", (unsigned long long)got);
    exit(1);
  }
  double mib = bytes / (double)(1 << 20);
  printf("{\"count\":%.3f,\"perSecond\":%.1f}\n", mib, mib / (now_ms() - start) * 1e3);
}

static void hold(int count, size_t burst) {
  int *fds = malloc(count * sizeof *fds);
  for (int i = 0; i < count; i++) fds[i] = dial();
  for (int i = 0; i < count && burst > 0; i++) {
    blocking(fds[i]);
    if (send(fds[i], buffer, burst, MSG_NOSIGNAL) != (ssize_t)burst) die("send");
    for (size_t got = 0; got < burst;) {
      ssize_t n = recv(fds[i], buffer, burst - got, 0);
      if (n <= 0) die("recv");
      got += n;
    }
  }
  puts("ready");
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0) {
  }
}

int main(int argc, char **argv) {
  double arg[4] = {0};
  for (; argc > 1; argv++, argc--) {
    if (!strcmp(argv[1], "spin")) spin = 1;
    else if (!strcmp(argv[1], "proxied")) proxied = 1;
    else break;
  }
  if (argc < 4) {
    fprintf(stderr, "usage: load [spin] [proxied] MODE PORT ...\n");
    return 2;
  }
  for (int i = 3; i < argc && i < 7; i++) arg[i - 3] = atof(argv[i]);
  const char *mode = argv[1];
  for (char *at = strtok(argv[2], ","); at && port_count < MOST_PORTS;
       at = strtok(NULL, ","))
    ports[port_count++] = atoi(at);
  if (!port_count) {
    fprintf(stderr, "load: PORT is one port, or several with commas\n");
    return 2;
  }
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  epfd = epoll_create1(EPOLL_CLOEXEC);
  buffer = calloc(2, BUFFER);
  alarm(GIVE_UP_MS / 1000 + 60);
  if (!strcmp(mode, "udp")) kind = SOCK_DGRAM;
  /* A frame is as long, and a header. */
  if (arg[1] > BUFFER - 14) {
    fprintf(stderr, "load: SIZE is at most %d\n", BUFFER - 14);
    return 2;
  }
  if (!strcmp(mode, "send") || !strcmp(mode, "recv"))
    transfer(mode[0] == 's', (uint64_t)arg[0]);
  else if (!strcmp(mode, "idle")) hold(arg[0], arg[1]);
  else if (!strcmp(mode, "visit")) visit(arg[0], arg[1], arg[2]);
  else {
    asked = answered = arg[1];
    if (!strcmp(mode, "websocket")) frame(arg[1]);
    closed_loop(mode, arg[0], arg[2], arg[3]);
  }
  return 0;
}
