/* A mock inference engine that costs next to nothing, so that what is measured is the balancer before it.
 *
 *   engine PORT COUNT          listens on 127.0.0.1, on COUNT ports from PORT
 *
 * Every POST is answered with one JSON completion or, if its body holds "stream":true, with server-sent events: as many
 * as "max_tokens" says, "seed" microseconds apart. Each answer and each event carries the moment it was sent, as
 * @<16 hex digits>@: nanoseconds of the monotonic clock, which the load client on the same machine compares with its
 * own. Every GET gets a list of one model.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { TICK_NS = 200000, SLOTS = 16384, MAX_EVENTS = 512, READ_BYTES = 65536 };

typedef struct connection {
    int fd;
    bool is_listener, is_dead, wants_write, in_wheel;
    char *in;
    size_t in_len, in_cap;
    char *out;
    size_t out_from, out_len, out_cap;
    long events_left, gap_us;
    bool is_streaming;
    uint64_t due_ns;
    struct connection *next;
} connection;

static const char STREAM_HEAD[] =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";
static const char EVENT[] =
    "data: {\"id\":\"chatcmpl-0123456789abcdef0123456789abcdef\",\"object\":\"chat.completion.chunk\","
    "\"created\":1763770000,\"model\":\"mock-8b\",\"choices\":[{\"index\":0,\"delta\":{\"content\":"
    "\"@0000000000000000@\"},\"logprobs\":null,\"finish_reason\":null,\"token_ids\":null}]}\n\n";
static const char FINISH[] =
    "data: {\"id\":\"chatcmpl-0123456789abcdef0123456789abcdef\",\"object\":\"chat.completion.chunk\","
    "\"created\":1763770000,\"model\":\"mock-8b\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},"
    "\"logprobs\":null,\"finish_reason\":\"stop\",\"stop_reason\":null}]}\n\n";
static const char DONE[] = "data: [DONE]\n\n";
static const char ANSWER[] =
    "{\"id\":\"chatcmpl-0123456789abcdef0123456789abcdef\",\"object\":\"chat.completion\",\"created\":1763770000,"
    "\"model\":\"mock-8b\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
    "\"@0000000000000000@ Which node answers first depends on what each of them is doing now, and on nothing that was "
    "true a minute ago.\",\"tool_calls\":[]},\"logprobs\":null,\"finish_reason\":\"stop\",\"stop_reason\":null}],"
    "\"usage\":{\"prompt_tokens\":312,\"total_tokens\":412,\"completion_tokens\":100},\"prompt_logprobs\":null}";
static const char MODELS[] =
    "{\"object\":\"list\",\"data\":[{\"id\":\"mock-8b\",\"object\":\"model\",\"created\":1763770000,"
    "\"owned_by\":\"vllm\",\"max_model_len\":131072}],\"status\":\"ok\",\"model_path\":\"mock-8b\","
    "\"served_model_name\":\"mock-8b\",\"tokenizer_path\":\"mock-8b\",\"is_generation\":true,\"version\":\"0.6\","
    "\"dp_size\":1,\"tp_size\":1}";

static char event_chunk[1024], end_chunks[1024], answer[2048], models[1024];
static size_t event_len, end_len, answer_len, models_len;
static char *event_stamp, *answer_stamp;

static connection *wheel[SLOTS], *free_list;
static uint64_t current_tick;
static int poller;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void stamp(char *at) {
    uint64_t value = now_ns();
    for (int i = 15; i >= 0; i--, value >>= 4) at[i] = "0123456789abcdef"[value & 15];
}

static void prepare(void) {
    event_len = (size_t)sprintf(event_chunk, "%zx\r\n%s\r\n", sizeof EVENT - 1, EVENT);
    event_stamp = strchr(event_chunk, '@') + 1;
    end_len = (size_t)sprintf(end_chunks, "%zx\r\n%s\r\n%zx\r\n%s\r\n0\r\n\r\n", sizeof FINISH - 1, FINISH,
                              sizeof DONE - 1, DONE);
    const char *head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n%s";
    answer_len = (size_t)sprintf(answer, head, sizeof ANSWER - 1, ANSWER);
    answer_stamp = strchr(answer, '@') + 1;
    models_len = (size_t)sprintf(models, head, sizeof MODELS - 1, MODELS);
}

static void watch(connection *c, int operation) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = c};
    if (c->wants_write) event.events |= EPOLLOUT;
    epoll_ctl(poller, operation, c->fd, &event);
}

static void want_write(connection *c, bool wants) {
    if (c->wants_write == wants) return;
    c->wants_write = wants;
    watch(c, EPOLL_CTL_MOD);
}

static void flush(connection *c) {
    while (c->out_from < c->out_len) {
        ssize_t sent = send(c->fd, c->out + c->out_from, c->out_len - c->out_from, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EAGAIN) want_write(c, true);
            else c->is_dead = true;
            return;
        }
        c->out_from += (size_t)sent;
    }
    c->out_from = c->out_len = 0;
    want_write(c, false);
}

static void put(connection *c, const char *data, size_t size) {
    if (c->is_dead) return;
    if (c->out_len == c->out_from) {
        ssize_t sent = send(c->fd, data, size, MSG_NOSIGNAL);
        if (sent == (ssize_t)size) return;
        if (sent < 0 && errno != EAGAIN) {
            c->is_dead = true;
            return;
        }
        if (sent > 0) data += sent, size -= (size_t)sent;
        c->out_from = c->out_len = 0;
    }
    if (c->out_len + size > c->out_cap) {
        c->out_cap = (c->out_len + size) * 2;
        c->out = realloc(c->out, c->out_cap);
    }
    memcpy(c->out + c->out_len, data, size);
    c->out_len += size;
    want_write(c, true);
}

static void schedule(connection *c) {
    uint64_t tick = c->due_ns / TICK_NS;
    if (tick <= current_tick) tick = current_tick + 1;
    if (tick - current_tick >= SLOTS) tick = current_tick + SLOTS - 1;
    c->next = wheel[tick % SLOTS];
    wheel[tick % SLOTS] = c;
    c->in_wheel = true;
}

static void serve(connection *c);

static void next_event(connection *c) {
    if (c->events_left > 0) {
        stamp(event_stamp);
        put(c, event_chunk, event_len);
        c->events_left--;
    }
    if (c->events_left > 0) {
        uint64_t now = now_ns();
        c->due_ns += (uint64_t)c->gap_us * 1000u;
        if (c->due_ns < now) c->due_ns = now;
        schedule(c);
        return;
    }
    put(c, end_chunks, end_len);
    c->is_streaming = false;
    serve(c);
}

static long number(const char *body, size_t size, const char *name, long otherwise) {
    const char *at = memmem(body, size, name, strlen(name));
    return at ? strtol(at + strlen(name), NULL, 10) : otherwise;
}

static void reply(connection *c, const char *body, size_t size) {
    if (!memmem(body, size, "\"stream\":true", 13) && !memmem(body, size, "\"stream\": true", 14)) {
        stamp(answer_stamp);
        put(c, answer, answer_len);
        return;
    }
    c->events_left = number(body, size, "\"max_tokens\":", 100);
    c->gap_us = number(body, size, "\"seed\":", 10000);
    c->is_streaming = true;
    put(c, STREAM_HEAD, sizeof STREAM_HEAD - 1);
    c->due_ns = now_ns() + (uint64_t)c->gap_us * 1000u;
    schedule(c);
}

/* Length of a chunked body with its framing, or 0 while it is incomplete. */
static size_t chunked_size(const char *body, size_t available) {
    size_t at = 0;
    for (;;) {
        const char *line_end = memmem(body + at, available - at, "\r\n", 2);
        if (!line_end) return 0;
        size_t size = strtoul(body + at, NULL, 16);
        at = (size_t)(line_end - body) + 2 + size + 2;
        if (at > available) return 0;
        if (size == 0) return at;
    }
}

/* Answer every complete request in the buffer, one after the other. */
static void serve(connection *c) {
    while (!c->is_streaming && !c->is_dead && c->in_len > 0) {
        c->in[c->in_len] = 0;
        char *head_end = memmem(c->in, c->in_len, "\r\n\r\n", 4);
        if (!head_end) return;
        size_t head = (size_t)(head_end - c->in) + 4, body = 0;
        bool is_chunked = false;
        for (char *line = c->in; line < head_end; line = strstr(line, "\r\n") + 2) {
            if (!strncasecmp(line, "content-length:", 15)) body = strtoul(line + 15, NULL, 10);
            if (!strncasecmp(line, "transfer-encoding:", 18)) is_chunked = true;
        }
        if (is_chunked && !(body = chunked_size(head_end + 4, c->in_len - head))) return;
        if (c->in_len < head + body) return;
        if (!strncmp(c->in, "POST", 4)) reply(c, head_end + 4, body);
        else put(c, models, models_len);
        c->in_len -= head + body;
        memmove(c->in, c->in + head + body, c->in_len);
    }
}

static void drop(connection *c) {
    close(c->fd);
    c->fd = -1;
    c->is_dead = true;
    if (c->in_wheel) return;
    c->next = free_list;
    free_list = c;
}

static void accept_all(connection *listener) {
    int fd;
    while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connection *c = free_list;
        if (c) {
            free_list = c->next;
            *c = (connection){.in = c->in, .in_cap = c->in_cap, .out = c->out, .out_cap = c->out_cap};
        } else {
            c = calloc(1, sizeof *c);
            c->in_cap = READ_BYTES;
            c->in = malloc(c->in_cap + 1);
        }
        c->fd = fd;
        watch(c, EPOLL_CTL_ADD);
    }
}

static void receive(connection *c) {
    if (c->in_cap - c->in_len < READ_BYTES / 2) {
        c->in_cap *= 2;
        c->in = realloc(c->in, c->in_cap + 1);
    }
    ssize_t got = recv(c->fd, c->in + c->in_len, c->in_cap - c->in_len, 0);
    if (got > 0) {
        c->in_len += (size_t)got;
        serve(c);
    } else if (got == 0 || errno != EAGAIN) {
        c->is_dead = true;
    }
}

static void run_timers(int timer) {
    uint64_t expirations;
    if (read(timer, &expirations, sizeof expirations) < 0) return;
    uint64_t last = now_ns() / TICK_NS;
    while (current_tick < last) {
        current_tick++;
        connection *c = wheel[current_tick % SLOTS];
        wheel[current_tick % SLOTS] = NULL;
        while (c) {
            connection *next = c->next;
            c->in_wheel = false;
            if (!c->is_dead) next_event(c);
            else c->next = free_list, free_list = c;
            c = next;
        }
    }
}

static void listen_on(int port) {
    connection *c = calloc(1, sizeof *c);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    c->is_listener = true;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(c->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(c->fd, (struct sockaddr *)&address, sizeof address) || listen(c->fd, 4096)) {
        perror("engine: bind");
        exit(1);
    }
    watch(c, EPOLL_CTL_ADD);
}

int main(int argc, char **argv) {
    if (argc != 3) return fprintf(stderr, "usage: engine PORT COUNT\n"), 2;
    prepare();
    poller = epoll_create1(0);
    for (int i = 0; i < atoi(argv[2]); i++) listen_on(atoi(argv[1]) + i);
    static connection ticking;
    struct itimerspec every = {{0, TICK_NS}, {0, TICK_NS}};
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &ticking};
    epoll_ctl(poller, EPOLL_CTL_ADD, timer, &event);
    current_tick = now_ns() / TICK_NS;
    timerfd_settime(timer, 0, &every, NULL);
    struct epoll_event events[MAX_EVENTS];
    for (;;) {
        int count = epoll_wait(poller, events, MAX_EVENTS, -1);
        for (int i = 0; i < count; i++) {
            connection *c = events[i].data.ptr;
            if (c == &ticking) {
                run_timers(timer);
            } else if (c->is_listener) {
                accept_all(c);
            } else if (c->fd >= 0) {
                if (events[i].events & EPOLLOUT) flush(c);
                if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP)) receive(c);
                if (c->is_dead) drop(c);
            }
        }
    }
}
