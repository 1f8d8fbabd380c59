// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/probe/fake_gateway.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sockios.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "core/ip_address.h"
#include "core/loop.h"
#include "probe/probe_run.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"

namespace postern::test {
namespace {

void require(bool good, const char* what) {
    if (!good) {
        fmt::print(stderr, "test kit: {}\n", what);
        std::abort();
    }
}

Identity make(const std::string& common_name, const LeafOptions& options, const Identity* issuer, bool is_ca) {
    static std::atomic<long> serial{1000};
    Identity out;
    out.key.reset(EVP_EC_gen("P-256"), EVP_PKEY_free);
    out.certificate.reset(X509_new(), X509_free);
    X509* x = out.certificate.get();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
    X509_gmtime_adj(X509_getm_notBefore(x), options.begins_s);
    X509_gmtime_adj(X509_getm_notAfter(x), options.ends_s);
    X509_set_pubkey(x, out.key.get());
    X509_NAME* name = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(common_name.c_str()),
                               -1, -1, 0);
    X509_set_issuer_name(x, issuer != nullptr ? X509_get_subject_name(issuer->certificate.get()) : name);
    const auto extend = [&](int nid, const std::string& value) {
        X509V3_CTX context;
        X509V3_set_ctx(&context, issuer != nullptr ? issuer->certificate.get() : x, x, nullptr, nullptr, 0);
        X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
        require(extension != nullptr, "certificate extension");
        X509_add_ext(x, extension, -1);
        X509_EXTENSION_free(extension);
    };
    if (is_ca) {
        extend(NID_basic_constraints, "critical,CA:TRUE");
        extend(NID_key_usage, "critical,keyCertSign,cRLSign");
    } else if (!options.names.empty()) {
        std::string names;
        for (const std::string& n : options.names) {
            names += (names.empty() ? "" : ",") + std::string(core::IpAddress::parse(n) ? "IP:" : "DNS:") + n;
        }
        extend(NID_subject_alt_name, names);
    }
    const Identity& signer = issuer != nullptr ? *issuer : out;
    require(X509_sign(x, signer.key.get(), EVP_sha256()) > 0, "signing a certificate");
    return out;
}

}  // namespace

TestCa::TestCa(const std::string& common_name, long ends_s)
    : self_(make(common_name, {{}, -2 * 86400, ends_s}, nullptr, true)) {
    char path[] = "/tmp/postern-test-ca-XXXXXX";
    const int fd = ::mkstemp(path);
    require(fd >= 0, "a file for the CA");
    FILE* file = ::fdopen(fd, "w");
    PEM_write_X509(file, self_.certificate.get());
    std::fclose(file);
    file_ = path;
}
TestCa::~TestCa() {
    ::unlink(file_.c_str());
}

Identity TestCa::issue(const LeafOptions& options) const {
    const std::string name = options.names.empty() ? LeafOptions{}.names.front() : options.names.front();
    return make(name, options, options.self_signed ? nullptr : &self_, false);
}

TestCa& test_ca() {
    static TestCa ca;
    return ca;
}

Connection::Connection(int fd, int stop_fd, ssl_ctx_st* tls, std::function<void()> silent)
    : fd_(fd), silent_(std::move(silent)), stop_fd_(stop_fd), ssl_(SSL_new(tls)) {
    SSL_set_fd(ssl_, fd);
}
Connection::~Connection() {
    SSL_free(ssl_);
}

bool Connection::wait(short events) {
    pollfd fds[2] = {{fd_.get(), events, 0}, {stop_fd_, POLLIN, 0}};
    return ::poll(fds, 2, -1) > 0 && fds[1].revents == 0;
}

void Connection::now_silent() {
    int in_flight = 0;
    pollfd stop{stop_fd_, POLLIN, 0};
    while (::ioctl(fd_.get(), SIOCOUTQ, &in_flight) == 0 && in_flight > 0 && ::poll(&stop, 1, 1) == 0)
        continue;  // until the client's socket has taken all of it
    silent_();
}

bool Connection::handshake() {
    for (;;) {
        const int rc = SSL_accept(ssl_);
        if (rc == 1) return true;
        const int error = SSL_get_error(ssl_, rc);
        if ((error != SSL_ERROR_WANT_READ || !wait(POLLIN)) && (error != SSL_ERROR_WANT_WRITE || !wait(POLLOUT)))
            return false;
    }
}

std::size_t Connection::hello_size() {
    for (;;) {
        unsigned char head[5];
        if (!wait(POLLIN)) return 0;
        const ssize_t n = ::recv(fd_.get(), head, sizeof head, MSG_PEEK);
        if (n == sizeof head) return sizeof head + (static_cast<std::size_t>(head[3]) << 8 | head[4]);
        if (n <= 0) return 0;
    }
}

std::string Connection::read_request() {
    std::string out;
    char buffer[4096];
    for (;;) {
        const int n = SSL_read(ssl_, buffer, sizeof buffer);
        if (n > 0) {
            out.append(buffer, static_cast<std::size_t>(n));
            const std::size_t head = out.find("\r\n\r\n");
            if (head == std::string::npos) continue;
            const std::size_t at = out.find("Content-Length: ");
            const std::size_t body = at < head ? std::stoul(out.substr(at + 16)) : 0;
            if (out.size() >= head + 4 + body) return out;
            continue;
        }
        const int error = SSL_get_error(ssl_, n);
        if (error != SSL_ERROR_WANT_READ || !wait(POLLIN)) return {};
    }
}

std::string Connection::read_some() {
    char buffer[4096];
    for (;;) {
        const int n = SSL_read(ssl_, buffer, sizeof buffer);
        if (n > 0) return std::string(buffer, static_cast<std::size_t>(n));
        if (SSL_get_error(ssl_, n) != SSL_ERROR_WANT_READ || !wait(POLLIN)) return {};
    }
}

void Connection::send(std::string_view plain) {
    while (!plain.empty()) {
        const int n = SSL_write(ssl_, plain.data(), static_cast<int>(plain.size()));
        if (n > 0) {
            plain.remove_prefix(static_cast<std::size_t>(n));
        } else if (SSL_get_error(ssl_, n) != SSL_ERROR_WANT_WRITE || !wait(POLLOUT)) {
            return;
        }
    }
}

void Connection::send_raw(std::string_view bytes) {
    [[maybe_unused]] const auto n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

std::string Connection::read_raw() {
    char buffer[16384];
    if (!wait(POLLIN)) return {};
    const ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    return std::string(buffer, n > 0 ? static_cast<std::size_t>(n) : 0);
}

void Connection::close_notify() {
    SSL_shutdown(ssl_);
}
void Connection::finish() {
    ::shutdown(fd_.get(), SHUT_WR);
}
void Connection::reset() {
    const linger now{1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    fd_.reset();
}
void Connection::wait_for_peer() {
    now_silent();
    char buffer[4096];
    while (fd_ && wait(POLLIN)) {
        const ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN)) return;
    }
}

void Connection::wait_for_stop() {
    now_silent();
    pollfd stop{stop_fd_, POLLIN, 0};
    pollfd both[2] = {stop, {fd_.get(), POLLHUP | POLLERR | POLLRDHUP, 0}};
    ::poll(both, 2, -1);
}

bool Connection::handshake_demanding_certificate() {
    SSL_set_verify(ssl_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    return handshake();
}

void Connection::no_tls_1_3() {
    SSL_set_max_proto_version(ssl_, TLS1_2_VERSION);
}

int Connection::reply_to_hello_request() {
    SSL_renegotiate(ssl_);
    SSL_do_handshake(ssl_);
    unsigned char type = 0;
    return wait(POLLIN) && ::recv(fd_.get(), &type, 1, MSG_PEEK) == 1 ? type : 0;
}

FakeGateway::FakeGateway(Identity identity, Script script, const std::string& ip)
    : tls_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free), script_(std::move(script)) {
    std::signal(SIGPIPE, SIG_IGN);
    SSL_CTX_use_certificate(tls_.get(), identity.certificate.get());
    SSL_CTX_use_PrivateKey(tls_.get(), identity.key.get());
    int pipe_fds[2];
    require(::pipe2(pipe_fds, O_CLOEXEC) == 0, "a pipe");
    stop_read_.reset(pipe_fds[0]);
    stop_write_.reset(pipe_fds[1]);
    silence_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    const core::SocketAddress address{*core::IpAddress::parse(ip), 0};
    sockaddr_storage storage{};
    socklen_t size = address.to(&storage);
    listener_.reset(::socket(address.ip.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    require(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&storage), size) == 0, "binding");
    require(::listen(listener_.get(), 64) == 0, "listening");
    size = sizeof storage;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&storage), &size);
    port_ = core::SocketAddress::from(reinterpret_cast<sockaddr*>(&storage))->port;
    thread_ = std::thread([this] { serve(); });
}

FakeGateway::~FakeGateway() {
    stop_write_.reset();  // EOF on the other end: readable
    thread_.join();
}

void FakeGateway::serve() {
    for (;;) {
        pollfd fds[2] = {{listener_.get(), POLLIN, 0}, {stop_read_.get(), POLLIN, 0}};
        if (::poll(fds, 2, -1) < 0) continue;
        if (fds[1].revents != 0) return;
        const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) continue;
        ++connections_;
        Connection connection(fd, stop_read_.get(), tls_.get(), [this] {
            silent_in_ = connections_.load();
            ::eventfd_write(silence_.get(), 1);
        });
        script_(connection);
    }
}

void FakeGateway::note(std::string request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
}

std::vector<std::string> FakeGateway::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

std::string chunked_reply(std::string_view body, int status, std::string_view content_type) {
    const std::size_t half = body.size() / 2;
    std::string out =
        fmt::format("HTTP/1.1 {} X\r\nContent-Type: {}\r\nTransfer-Encoding: chunked\r\n\r\n", status, content_type);
    for (const std::string_view part : {body.substr(0, half), body.substr(half)}) {
        if (!part.empty()) out += fmt::format("{:x}\r\n{}\r\n", part.size(), part);
    }
    return out + "0\r\n\r\n";
}

std::string length_reply(std::string_view body, int status, std::string_view content_type,
                         std::string_view more_headers) {
    return fmt::format("HTTP/1.1 {} X\r\nContent-Type: {}\r\n{}Content-Length: {}\r\n\r\n{}", status, content_type,
                       more_headers, body.size(), body);
}

FakeGateway::Script answer(std::string reply) {
    return [reply = std::move(reply)](Connection& c) {
        if (!c.handshake() || c.read_request().empty()) return;
        c.send(reply);
        c.close_notify();
    };
}

probe::ProbeSpec good_spec(std::uint16_t port) {
    probe::ProbeSpec spec;
    spec.host = "db.example.com";
    spec.server_name = "db.example.com";
    spec.port = port;
    spec.token = core::Secret("0123456789abcdef0123456789abcdef01234567");
    spec.ca_file = test_ca().file();
    spec.timeout_us = 3 * core::kSecond;
    return spec;
}

namespace {

/// One attempt on `clock`; `turn` runs the loop once and says whether to go on.
probe::ProbeResult attempt(core::Loop& loop, core::Clock& clock, const probe::ProbeSpec& spec, const std::string& ip,
                           const std::function<bool()>& turn) {
    auto context = probe::TlsContext::load(spec.ca_file);
    REQUIRE(context);
    probe::ProbeTarget target{"link", *core::IpAddress::parse(ip), "zone-a", "ep-1",
                              std::make_shared<const probe::ProbeSpec>(spec)};
    std::optional<probe::ProbeResult> result;
    bool constructed = false;
    probe::ProbeRun run(loop, clock, *context, target, [&](probe::ProbeResult r) {
        CHECK(constructed);  // never from inside the constructor
        CHECK_FALSE(result);
        result = std::move(r);
    });
    constructed = true;
    while (!result && turn())
        continue;
    REQUIRE(result);
    return std::move(*result);
}

/// What holds for every result.
void check_form(const probe::ProbeResult& result) {
    core::Micros sum = 0;
    bool ended = false;
    for (std::size_t i = 0; i < probe::kTimedPhases; ++i) {
        const auto& us = result.phase_us[i];
        if (us) {
            CHECK_FALSE(ended);
            sum += *us;
        } else {
            ended = true;
        }
    }
    CHECK(sum == result.total_us);
    CHECK(result.ok == (result.reason == probe::Reason::kNone));
    CHECK(result.ok == (result.phase == probe::Phase::kCount));
    if (!result.ok && static_cast<std::size_t>(result.phase) < probe::kTimedPhases) {
        CHECK(result.phase_us[static_cast<std::size_t>(result.phase)]);  // the failed phase is timed
        if (static_cast<std::size_t>(result.phase) + 1 < probe::kTimedPhases) {
            CHECK_FALSE(result.phase_us[static_cast<std::size_t>(result.phase) + 1]);
        }
    }
    CHECK(result.detail.empty() == result.ok);
    CHECK(result.detail.size() <= 300);
    CHECK(result.detail.find("0123456789abcdef") == std::string::npos);
}

}  // namespace

probe::ProbeResult run_probe(const probe::ProbeSpec& spec, const std::string& ip) {
    core::Loop loop;
    std::optional<probe::ProbeResult> result;
    {
        core::SystemClock clock(loop);
        core::Timer limit(clock);
        bool expired = false;
        limit.start_in(20 * core::kSecond, [&] { expired = true; });
        result = attempt(loop, clock, spec, ip, [&] {
            loop.run_once();
            return !expired;
        });
    }
    REQUIRE(loop.close());
    check_form(*result);
    return *result;
}

void FakeGateway::wake_when_silent(core::Loop& loop, core::FdWatcher& watcher) const {
    watcher.start(loop, silence_.get(), UV_READABLE, [fd = silence_.get()](int, int) {
        eventfd_t count = 0;
        ::eventfd_read(fd, &count);
    });
}

probe::ProbeResult run_probe_into_silence(const probe::ProbeSpec& spec, const FakeGateway& gateway, int connection) {
    core::Loop loop;
    probe::ProbeResult result;
    {
        core::SystemClock real(loop);
        FakeClock clock(real.mono_us(), real.wall_us());  // certificates are valid now
        core::Timer limit(real);
        bool expired = false;
        limit.start_in(20 * core::kSecond, [&] { expired = true; });
        core::FdWatcher silence;
        gateway.wake_when_silent(loop, silence);
        result = attempt(loop, clock, spec, "127.0.0.1", [&] {
            if (clock.next_alarm() <= clock.mono_us()) {
                clock.advance(0);
            } else if (gateway.silent_in() != connection) {
                loop.run_once();
            } else {
                for (int turn = 0; turn < 10; ++turn)
                    loop.poll();  // takes what has arrived
                if (clock.next_alarm() != core::kNever) clock.advance(clock.next_alarm() - clock.mono_us());
            }
            return !expired;
        });
    }
    REQUIRE(loop.close());
    check_form(result);
    return result;
}

}  // namespace postern::test
