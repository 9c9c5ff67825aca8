/* A load client for HTTP/1.1 that costs next to nothing and checks every response.
 *
 *   load -p PORT -c CONNECTIONS -d SECONDS -w WARMUP_SECONDS -f REQUEST_FILE -e STAMPS [-r RATE] [-P PID,PID...]
 *
 * Each connection sends the bytes of REQUEST_FILE again and again: at once after each answer, or RATE times a second over
 * all connections. A response is good when it is a 200 with exactly STAMPS moments of sending in it (@<16 hex>@, see
 * engine.c). Prints one JSON object: counts, the CPU seconds that the processes PID used in the measured time, and the
 * 50th, 99th and highest percentile of: whole answers, the way of an event through the balancer, the first event.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_BYTES = 16384, BUCKETS = 4096, MAX_EVENTS = 512, MAX_PIDS = 64, STAMP_DIGITS = 16 };

typedef struct {
    uint64_t count, highest, buckets[BUCKETS];
} histogram;

typedef enum { IDLE, SENDING, IN_HEAD, IN_BODY } stage;
typedef enum { SIZE_LINE, CHUNK_DATA, CHUNK_END, LAST_LINE } framing;

typedef struct {
    int fd;
    stage at;
    size_t sent, head_len;
    char head[HEAD_BYTES];
    bool is_chunked, closes, in_stamp;
    long long left;
    framing frame;
    long chunk_left;
    int stamps, digits;
    uint64_t stamp, started_ns, due_ns;
} connection;

static char *request;
static size_t request_len;
static int poller, port, expected = 1;
static uint64_t period_ns;
static bool is_measuring;
static uint64_t good, bad, errors, events, dials;
static histogram answers, chunk_ways, first_events;
static clockid_t clocks[MAX_PIDS];
static int clock_count;
static char complaint[200];

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Buckets of 1/64 of a power of two: an error below 1.6 %. */
static int bucket_of(uint64_t value) {
    if (value < 64) return (int)value;
    int exponent = 63 - __builtin_clzll(value);
    int index = (exponent - 5) * 64 + (int)((value >> (exponent - 6)) & 63);
    return index < BUCKETS ? index : BUCKETS - 1;
}

static void observe(histogram *h, uint64_t value) {
    h->count++;
    h->buckets[bucket_of(value)]++;
    if (value > h->highest) h->highest = value;
}

static double percentile_us(const histogram *h, double share) {
    uint64_t seen = 0, wanted = (uint64_t)(share * (double)h->count);
    for (int i = 0; i < BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen > wanted) {
            int exponent = i / 64 + 5;
            return i < 64 ? i / 1000.0
                          : ((double)((64ull + (i & 63)) << (exponent - 6)) + (double)(1ull << (exponent - 6)) / 2) / 1000.0;
        }
    }
    return (double)h->highest / 1000.0;
}

static double cpu_of_balancer(void) {
    double seconds = 0;
    for (int i = 0; i < clock_count; i++) {
        struct timespec t;
        if (!clock_gettime(clocks[i], &t)) seconds += (double)t.tv_sec + (double)t.tv_nsec / 1e9;
    }
    return seconds;
}

static double own_cpu(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static void watch(connection *c, int operation, bool wants_write) {
    struct epoll_event event = {.events = EPOLLIN | (wants_write ? EPOLLOUT : 0u), .data.ptr = c};
    epoll_ctl(poller, operation, c->fd, &event);
}

static void dial(connection *c) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    if (c->fd >= 0) close(c->fd);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address)) {
        perror("load: connect");
        exit(3);
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    watch(c, EPOLL_CTL_ADD, false);
    c->at = IDLE;
    dials++;
}

static void pump(connection *c) {
    while (c->sent < request_len) {
        ssize_t sent = send(c->fd, request + c->sent, request_len - c->sent, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EAGAIN) watch(c, EPOLL_CTL_MOD, true);
            return;
        }
        c->sent += (size_t)sent;
    }
    if (c->at == SENDING) c->at = IN_HEAD;
}

static void start(connection *c) {
    c->at = SENDING;
    c->sent = c->head_len = 0;
    c->stamps = 0;
    c->in_stamp = c->closes = false;
    c->started_ns = now_ns();
    pump(c);
}

static void complain(connection *c, const char *what) {
    if (complaint[0]) return;
    snprintf(complaint, sizeof complaint, "%s: %.120s", what, c->head);
    for (char *p = complaint; *p; p++)
        if (*p < 32 || *p == '"' || *p == '\\') *p = ' ';
}

static void fail(connection *c, const char *what) {
    if (is_measuring) errors++;
    complain(c, what);
    dial(c);
    if (!period_ns) start(c);
}

static void finish(connection *c) {
    if (is_measuring) {
        if (c->stamps == expected) {
            good++;
            observe(&answers, now_ns() - c->started_ns);
        } else {
            bad++;
            complain(c, "wrong number of stamps");
        }
    }
    c->at = IDLE;
    if (c->closes) dial(c);
    if (!period_ns) start(c);
}

/* Look for stamps in body bytes; a stamp may be split over reads. */
static void scan(connection *c, const char *data, size_t size, uint64_t now) {
    const char *end = data + size;
    while (data < end) {
        if (!c->in_stamp) {
            const char *at = memchr(data, '@', (size_t)(end - data));
            if (!at) return;
            c->in_stamp = true;
            c->digits = 0;
            c->stamp = 0;
            data = at + 1;
            continue;
        }
        if (c->digits < STAMP_DIGITS) {
            char digit = *data++;
            c->stamp = c->stamp * 16 + (uint64_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
            c->digits++;
            continue;
        }
        data++;
        c->in_stamp = false;
        if (is_measuring) {
            events++;
            if (now > c->stamp) observe(&chunk_ways, now - c->stamp);
            if (c->stamps == 0) observe(&first_events, now - c->started_ns);
        }
        c->stamps++;
    }
}

/* Returns how many of the new bytes belong to the head, or -1 while it is incomplete. */
static ssize_t take_head(connection *c, const char *data, size_t size) {
    size_t before = c->head_len, room = sizeof c->head - 1 - before;
    size_t taken = size < room ? size : room;
    memcpy(c->head + before, data, taken);
    c->head_len += taken;
    c->head[c->head_len] = 0;
    char *end = memmem(c->head, c->head_len, "\r\n\r\n", 4);
    if (!end) return -1;
    c->at = IN_BODY;
    c->is_chunked = false;
    c->left = -1;
    c->frame = SIZE_LINE;
    c->chunk_left = 0;
    for (char *line = c->head; line < end; line = strstr(line, "\r\n") + 2) {
        if (!strncasecmp(line, "content-length:", 15)) c->left = atoll(line + 15);
        if (!strncasecmp(line, "transfer-encoding:", 18)) c->is_chunked = true;
        if (!strncasecmp(line, "connection: close", 17)) c->closes = true;
    }
    return end - c->head + 4 - (ssize_t)before;
}

static void take_chunked(connection *c, const char *data, size_t size, uint64_t now) {
    const char *end = data + size;
    while (data < end) {
        if (c->frame == CHUNK_DATA) {
            size_t part = (size_t)(end - data) < (size_t)c->chunk_left ? (size_t)(end - data) : (size_t)c->chunk_left;
            scan(c, data, part, now);
            data += part;
            c->chunk_left -= (long)part;
            if (!c->chunk_left) c->frame = CHUNK_END;
            continue;
        }
        char byte = *data++;
        if (byte == '\r') continue;
        if (c->frame == SIZE_LINE && byte != '\n') {
            c->chunk_left = c->chunk_left * 16 + (byte <= '9' ? byte - '0' : (byte | 32) - 'a' + 10);
        } else if (c->frame == SIZE_LINE) {
            c->frame = c->chunk_left ? CHUNK_DATA : LAST_LINE;
        } else if (c->frame == CHUNK_END) {
            c->frame = SIZE_LINE;
        } else {
            finish(c);
            return;
        }
    }
}

static void take(connection *c, const char *data, size_t size, uint64_t now) {
    if (c->at != IN_BODY) {
        ssize_t used = take_head(c, data, size);
        if (used < 0) return;
        if (strncmp(c->head + 9, "200", 3)) {
            fail(c, "not a 200");
            return;
        }
        data += used;
        size -= (size_t)used;
    }
    if (c->is_chunked) {
        take_chunked(c, data, size, now);
        return;
    }
    size_t part = c->left >= 0 && (long long)size > c->left ? (size_t)c->left : size;
    scan(c, data, part, now);
    if (c->left >= 0 && (c->left -= (long long)part) == 0) finish(c);
}

static void receive(connection *c) {
    static char buffer[262144];
    ssize_t got = recv(c->fd, buffer, sizeof buffer, 0);
    if (got > 0) {
        if (c->at != IDLE) take(c, buffer, (size_t)got, now_ns());
    } else if (got == 0 || errno != EAGAIN) {
        if (c->at == IN_BODY && !c->is_chunked && c->left < 0) {
            c->closes = true;
            finish(c);
        } else if (c->at == IDLE) {
            dial(c);
        } else {
            fail(c, "the connection ended");
        }
    }
}

static void report(double seconds, double balancer_s, double own_s, int connections) {
    printf("{\"connections\":%d,\"seconds\":%.3f,\"good\":%lu,\"bad\":%lu,\"errors\":%lu,\"events\":%lu,\"dials\":%lu,"
           "\"balancer_cpu_s\":%.6f,\"client_cpu_s\":%.6f,",
           connections, seconds, good, bad, errors, events, dials, balancer_s, own_s);
    printf("\"answer_us\":[%.1f,%.1f,%.1f],\"chunk_us\":[%.1f,%.1f,%.1f],\"first_us\":[%.1f,%.1f,%.1f],",
           percentile_us(&answers, .5), percentile_us(&answers, .99), (double)answers.highest / 1e3,
           percentile_us(&chunk_ways, .5), percentile_us(&chunk_ways, .99), (double)chunk_ways.highest / 1e3,
           percentile_us(&first_events, .5), percentile_us(&first_events, .99), (double)first_events.highest / 1e3);
    printf("\"complaint\":\"%s\"}\n", complaint);
}

int main(int argc, char **argv) {
    int connections = 1, option;
    double seconds = 3, warmup = 1, rate = 0;
    const char *file = NULL;
    signal(SIGPIPE, SIG_IGN);
    while ((option = getopt(argc, argv, "p:c:d:w:f:e:r:P:")) > 0) switch (option) {
        case 'p': port = atoi(optarg); break;
        case 'c': connections = atoi(optarg); break;
        case 'd': seconds = atof(optarg); break;
        case 'w': warmup = atof(optarg); break;
        case 'f': file = optarg; break;
        case 'e': expected = atoi(optarg); break;
        case 'r': rate = atof(optarg); break;
        case 'P':
            for (char *pid = strtok(optarg, ","); pid && clock_count < MAX_PIDS; pid = strtok(NULL, ","))
                if (!clock_getcpuclockid(atoi(pid), &clocks[clock_count])) clock_count++;
            break;
        default: return 2;
        }
    FILE *source = file ? fopen(file, "rb") : NULL;
    if (!source) return perror("load: request file"), 2;
    request = malloc(8 << 20);
    request_len = fread(request, 1, 8 << 20, source);
    poller = epoll_create1(0);
    connection *all = calloc((size_t)connections, sizeof *all);
    if (rate > 0) period_ns = (uint64_t)(connections / rate * 1e9);

    /* Streams are started over half a second, so that their events do not come all at once. */
    uint64_t began = now_ns(), spread_ns = expected > 1 ? 500000000u : 0;
    for (int i = 0; i < connections; i++) {
        all[i].fd = -1;
        dial(&all[i]);
        all[i].due_ns = began + (period_ns ? period_ns : spread_ns) * (uint64_t)i / (uint64_t)connections;
    }
    static connection ticking;
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct itimerspec every = {{0, 200000}, {0, 200000}};
    bool is_ticking = period_ns || spread_ns;
    if (is_ticking) {
        timerfd_settime(timer, 0, &every, NULL);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &ticking};
        epoll_ctl(poller, EPOLL_CTL_ADD, timer, &event);
    } else {
        for (int i = 0; i < connections; i++) start(&all[i]);
    }

    uint64_t measure_from = began + (uint64_t)(warmup * 1e9), until = measure_from + (uint64_t)(seconds * 1e9);
    uint64_t measured_from = 0;
    double balancer_before = 0, own_before = 0;
    int started = 0;
    struct epoll_event ready[MAX_EVENTS];
    for (;;) {
        int count = epoll_wait(poller, ready, MAX_EVENTS, 50);
        uint64_t now = now_ns();
        if (!is_measuring && now >= measure_from) {
            is_measuring = true;
            measured_from = now;
            balancer_before = cpu_of_balancer();
            own_before = own_cpu();
        }
        if (now >= until) break;
        for (int i = 0; i < count; i++) {
            connection *c = ready[i].data.ptr;
            if (c != &ticking) {
                if (ready[i].events & EPOLLOUT) {
                    watch(c, EPOLL_CTL_MOD, false);
                    pump(c);
                }
                if (ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(c);
                continue;
            }
            uint64_t expirations;
            if (read(timer, &expirations, sizeof expirations) < 0) continue;
            if (period_ns) {
                for (int j = 0; j < connections; j++)
                    if (all[j].at == IDLE && all[j].due_ns <= now) {
                        start(&all[j]);
                        all[j].due_ns += period_ns;
                        if (all[j].due_ns < now) all[j].due_ns = now;
                    }
                continue;
            }
            while (started < connections && all[started].due_ns <= now) start(&all[started++]);
            if (started == connections) epoll_ctl(poller, EPOLL_CTL_DEL, timer, NULL);
        }
    }
    report((double)(now_ns() - measured_from) / 1e9, cpu_of_balancer() - balancer_before, own_cpu() - own_before,
           connections);
    return 0;
}
