// SPDX-License-Identifier: Apache-2.0
/* getaddrinfo as any program calls it: the outcome, then the addresses, sorted by nobody. Built with glibc and with musl. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
    struct addrinfo hints, *found = NULL, *a;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    const int rc = argc == 2 ? getaddrinfo(argv[1], NULL, &hints, &found) : EAI_FAIL;
    puts(rc == 0 ? "answered" : rc == EAI_NONAME ? "no such name" : gai_strerror(rc));
    for (a = found; a != NULL; a = a->ai_next) {
        char text[INET6_ADDRSTRLEN];
        const void *address = a->ai_family == AF_INET6 ? (const void *)&((struct sockaddr_in6 *)a->ai_addr)->sin6_addr
                                                       : (const void *)&((struct sockaddr_in *)a->ai_addr)->sin_addr;
        puts(inet_ntop(a->ai_family, address, text, sizeof text));
    }
    return 0;
}
