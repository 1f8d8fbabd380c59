// SPDX-License-Identifier: Apache-2.0
// What both probers are measured against: TLS 1.3 with an ECDSA certificate and taosAdapter's reply to `select 1`.
// Usage: bench_probe_gateway PORT CERT KEY. A few threads, one connection each at a time; every loopback address answers.
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

std::string reply() {
    const std::string body = R"({"code":0,"column_meta":[["1","BIGINT",8]],"data":[[1]],"rows":1})";
    char size[16];
    std::snprintf(size, sizeof size, "%zx", body.size());
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n" +
           std::string(size) + "\r\n" + body + "\r\n0\r\n\r\n";
}

void serve(int listener, SSL_CTX* tls) {
    const std::string good = reply();
    for (;;) {
        const int fd = ::accept(listener, nullptr, nullptr);
        if (fd < 0) continue;
        const timeval limit{2, 0};
        ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        SSL* ssl = SSL_new(tls);
        SSL_set_fd(ssl, fd);
        char buffer[4096];
        if (SSL_accept(ssl) == 1) {
            // One read is enough for a probe's request; a second one when the body came apart from the head.
            const int n = SSL_read(ssl, buffer, sizeof buffer);
            if (n > 0 && std::string(buffer, static_cast<std::size_t>(n)).find("select 1") == std::string::npos) {
                SSL_read(ssl, buffer, sizeof buffer);
            }
            SSL_write(ssl, good.data(), static_cast<int>(good.size()));
            SSL_shutdown(ssl);
        }
        SSL_free(ssl);
        ::close(fd);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) return 3;
    std::signal(SIGPIPE, SIG_IGN);
    SSL_CTX* tls = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(tls, argv[2]) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, argv[3], SSL_FILETYPE_PEM) != 1) {
        return 2;
    }
    SSL_CTX_set_num_tickets(tls, 0);
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[1])));
    if (::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(listener, 4096) != 0) {
        return 2;
    }
    std::vector<std::thread> threads;
    for (int i = 0; i < 32; ++i)
        threads.emplace_back([=] { serve(listener, tls); });
    std::puts("ready");
    std::fflush(stdout);
    for (std::thread& t : threads)
        t.join();
}
