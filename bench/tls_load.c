/*
 * A load generator for servers of TLS on 127.0.0.1, as load.c is for those of TCP,
 * with OpenSSL. It trusts any certificate. Prints one line of JSON.
 *
 *   tls_load shake PORT CONNS SIZE MS RESUME
 *                                        connect, shake hands, ask for the echo of
 *                                        SIZE bytes, end, again and again; RESUME is
 *                                        1 to go on with the session of before, and
 *                                        count those alone that could
 *   tls_load echo PORT CONNS SIZE MS     ask and wait for the echo
 *   tls_load send PORT BYTES             send, end, wait for the server's end
 *   tls_load recv PORT BYTES             send a byte, read to the server's end
 *   tls_load idle PORT CONNS SIZE        connect, have SIZE bytes come back, say
 *                                        "ready", hold until stdin ends
 *
 * `spin` before the mode has it never sleep, for a load that has a core of its own.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Nothing takes longer than this, whatever the server does. */
#define GIVE_UP_SECONDS 180
enum { KEPT = 1 << 20, CHUNK = 64 * 1024 };

struct peer {
  SSL *ssl;
  SSL_SESSION *session;
  int fd, asked;
  size_t got; /* bytes of the current answer */
  double since;
};

static int port, epfd, spin;
static SSL_CTX *context;
static char buffer[CHUNK], answer[CHUNK];
static double latency[KEPT];

static void die(const char *what) {
  unsigned long code = ERR_peek_error();
  fprintf(stderr, "tls_load: %s: %s\n", what,
          code ? ERR_reason_error_string(code) : strerror(errno));
  exit(1);
}

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/* The session that a peer goes on with is the last one that it was given. */
static int keep_session(SSL *ssl, SSL_SESSION *session) {
  struct peer *peer = SSL_get_app_data(ssl);
  if (peer == NULL) return 0;
  if (peer->session) SSL_SESSION_free(peer->session);
  peer->session = session;
  return 1;
}

static void dial(struct peer *peer) {
  peer->since = now_ms();
  peer->got = peer->asked = 0;
  peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (peer->fd < 0) die("socket");
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(peer->fd, (struct sockaddr *)&to, sizeof to)) die("connect");
  int one = 1;
  setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  peer->ssl = SSL_new(context);
  SSL_set_app_data(peer->ssl, peer);
  SSL_set_tlsext_host_name(peer->ssl, "localhost");
  SSL_set_fd(peer->ssl, peer->fd);
  SSL_set_connect_state(peer->ssl);
}

static void hang_up(struct peer *peer) {
  SSL_shutdown(peer->ssl);
  SSL_free(peer->ssl);
  close(peer->fd);
}

/* Whether it is to be tried again when there is more to read. */
static int must_wait(struct peer *peer, int result, const char *what) {
  int error = SSL_get_error(peer->ssl, result);
  if (error != SSL_ERROR_WANT_READ) die(what);
  return 1;
}

/* Goes on with a peer. Returns 1 when its answer is there. */
static int advance(struct peer *peer, size_t size) {
  if (!peer->asked) {
    int n = SSL_do_handshake(peer->ssl);
    if (n != 1) return !must_wait(peer, n, "the handshake");
    n = size > 0 ? SSL_write(peer->ssl, buffer, size) : 0;
    if (n != (int)size) die("a write");
    peer->asked = 1;
  }
  while (peer->got < size) {
    int n = SSL_read(peer->ssl, answer, sizeof answer);
    if (n <= 0) return !must_wait(peer, n, "an answer");
    peer->got += n;
  }
  if (peer->got > size) die("an answer that is too long");
  return 1;
}

static int later(const void *a, const void *b) {
  double d = *(const double *)a - *(const double *)b;
  return (d > 0) - (d < 0);
}

static void loop(int shaking, int count, size_t size, double ms, int resume) {
  struct peer *peers = calloc(count, sizeof *peers);
  for (int i = 0; i < count; i++) {
    struct peer *peer = &peers[i];
    dial(peer);
    /* Once with patience, which gets a session, and a connection that is open. */
    while (!advance(peer, size)) {
    }
    if (shaking) {
      hang_up(peer);
      dial(peer);
      if (resume) SSL_set_session(peer->ssl, peer->session);
    }
  }
  double start = now_ms(), end = start + ms, time = start;
  uint64_t done = 0;
  for (int i = 0; i < count; i++) {
    struct peer *peer = &peers[i];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
    if (fcntl(peer->fd, F_SETFL, O_NONBLOCK)) die("fcntl");
    if (epoll_ctl(epfd, EPOLL_CTL_ADD, peer->fd, &event)) die("epoll_ctl");
    peer->since = start;
    peer->got = 0;
    if (!shaking) peer->asked = SSL_write(peer->ssl, buffer, size) > 0;
    else advance(peer, size);
  }
  struct epoll_event events[512];
  /* On a machine that is busy elsewhere the first answer may take longer. */
  while ((time = now_ms()) < end || done == 0) {
    int n = epoll_wait(epfd, events, 512, spin ? 0 : 1000);
    if (n < 0 && errno != EINTR) die("epoll_wait");
    for (int i = 0; i < n; i++) {
      struct peer *peer = events[i].data.ptr;
      if (!advance(peer, size)) continue;
      if (!resume || SSL_session_reused(peer->ssl))
        latency[done++ % KEPT] = now_ms() - peer->since;
      if (shaking) {
        hang_up(peer);
        dial(peer);
        if (resume && peer->session) SSL_set_session(peer->ssl, peer->session);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
        if (fcntl(peer->fd, F_SETFL, O_NONBLOCK)) die("fcntl");
        if (epoll_ctl(epfd, EPOLL_CTL_ADD, peer->fd, &event)) die("epoll_ctl");
        advance(peer, size);
      } else {
        peer->got = 0;
        peer->since = now_ms();
        if (SSL_write(peer->ssl, buffer, size) != (int)size) die("a write");
      }
    }
  }
  size_t kept = done < KEPT ? done : KEPT;
  if (kept == 0) die("no answer at all");
  qsort(latency, kept, sizeof *latency, later);
  printf("{\"count\":%llu,\"perSecond\":%.1f,\"p50\":%.4f,\"p90\":%.4f}\n",
         (unsigned long long)done, done / (time - start) * 1e3,
         latency[kept / 2], latency[kept * 9 / 10]);
}

static void transfer(int sending, uint64_t bytes) {
  struct peer peer = {0};
  dial(&peer);
  if (SSL_do_handshake(peer.ssl) != 1) die("the handshake");
  double start = now_ms();
  uint64_t left = sending ? bytes : 1, got = 0;
  while (left > 0) {
    int n = SSL_write(peer.ssl, buffer, left < CHUNK ? left : CHUNK);
    if (n <= 0) die("a write");
    left -= n;
  }
  if (sending) SSL_shutdown(peer.ssl);
  int n;
  while ((n = SSL_read(peer.ssl, answer, sizeof answer)) > 0) got += n;
  if (SSL_get_error(peer.ssl, n) != SSL_ERROR_ZERO_RETURN) die("the end");
  if (got != (sending ? 0 : bytes)) {
    fprintf(stderr, "tls_load: received %llu bytes\n", (unsigned long long)got);
    exit(1);
  }
  double mib = bytes / (double)(1 << 20);
  printf("{\"count\":%.3f,\"perSecond\":%.1f}\n", mib,
         mib / (now_ms() - start) * 1e3);
}

static void hold(int count, size_t size) {
  struct peer *peers = calloc(count, sizeof *peers);
  for (int i = 0; i < count; i++) {
    dial(&peers[i]);
    while (!advance(&peers[i], size)) {
    }
  }
  puts("ready");
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0) {
  }
}

int main(int argc, char **argv) {
  if (argc > 1 && !strcmp(argv[1], "spin")) {
    spin = 1;
    argv++;
    argc--;
  }
  if (argc < 4) {
    fprintf(stderr, "usage: tls_load [spin] MODE PORT ...\n");
    return 2;
  }
  double arg[4] = {0};
  for (int i = 3; i < argc && i < 7; i++) arg[i - 3] = atof(argv[i]);
  const char *mode = argv[1];
  port = atoi(argv[2]);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  alarm(GIVE_UP_SECONDS);
  epfd = epoll_create1(EPOLL_CLOEXEC);
  context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT);
  SSL_CTX_sess_set_new_cb(context, keep_session);
  if (!strcmp(mode, "shake")) loop(1, arg[0], arg[1], arg[2], arg[3]);
  else if (!strcmp(mode, "echo")) loop(0, arg[0], arg[1], arg[2], 0);
  else if (!strcmp(mode, "idle")) hold(arg[0], arg[1]);
  else transfer(mode[0] == 's', arg[0]);
  return 0;
}
