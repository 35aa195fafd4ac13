/* The sandbox of every pod, and the few helpers for which an image FROM scratch has no shell:
 *   pause                 waits for ever, and collects the processes it inherits
 *   pause mkdir DIR...    makes folders
 *   pause serve PORT TEXT answers every HTTP request with the text
 *   pause fetch HOST PORT prints what an HTTP server answers, and fails where none does */
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static void leave(int number) { _exit(number == SIGINT || number == SIGTERM ? 0 : 1); }

static void collect(int number) {
    (void)number;
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
}

static int fail(const char *what) {
    perror(what);
    return 1;
}

static int serve(const char *port, const char *text) {
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found;
    if (getaddrinfo(NULL, port, &hints, &found) != 0) return fail("getaddrinfo");
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, found->ai_addr, found->ai_addrlen) != 0 || listen(listener, 64) != 0) return fail(port);
    for (;;) {
        int peer = accept(listener, NULL, NULL);
        if (peer < 0) continue;
        struct timeval limit = {.tv_sec = 2};
        setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        char request[2048];
        if (read(peer, request, sizeof request) > 0)
            dprintf(peer, "HTTP/1.0 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", strlen(text), text);
        shutdown(peer, SHUT_WR);
        close(peer);
    }
}

static int fetch(const char *host, const char *port) {
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    int error = getaddrinfo(host, port, &hints, &found);
    if (error != 0) {
        fprintf(stderr, "%s: %s\n", host, gai_strerror(error));
        return 1;
    }
    int peer = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval limit = {.tv_sec = 5};
    setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(peer, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(peer, found->ai_addr, found->ai_addrlen) != 0) return fail(host);
    dprintf(peer, "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", host);
    char answer[4096];
    ssize_t got, total = 0;
    while ((got = read(peer, answer, sizeof answer)) > 0) {
        fwrite(answer, 1, (size_t)got, stdout);
        total += got;
    }
    return total > 0 ? 0 : 1;
}

int main(int count, char **words) {
    signal(SIGINT, leave);
    signal(SIGTERM, leave);
    if (count > 2 && strcmp(words[1], "mkdir") == 0) {
        for (int i = 2; i < count; i++)
            if (mkdir(words[i], 0777) != 0 && errno != EEXIST) return fail(words[i]);
        return 0;
    }
    if (count == 4 && strcmp(words[1], "serve") == 0) return serve(words[2], words[3]);
    if (count == 4 && strcmp(words[1], "fetch") == 0) return fetch(words[2], words[3]);
    if (count > 1) {
        fprintf(stderr, "pause: no such use: %s\n", words[1]);
        return 2;
    }
    signal(SIGCHLD, collect);
    for (;;) pause();
}
