// SPDX-License-Identifier: Apache-2.0
// A gateway inside the test: TLS on loopback, port 0, with a script per connection, and its certificates, which are
// made at run time. One thread serves one connection after the other with blocking calls, so that a script reads
// like the exchange.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "core/fd.h"
#include "probe/probe_types.h"

struct evp_pkey_st;
struct x509_st;
struct ssl_ctx_st;
struct ssl_st;

namespace postern::test {

/// A certificate with its key.
struct Identity {
    std::shared_ptr<evp_pkey_st> key;
    std::shared_ptr<x509_st> certificate;
};

struct LeafOptions {
    std::vector<std::string> names{"db.example.com"};
    long begins_s = -3600;  // from now
    long ends_s = 90L * 86400;
    bool self_signed = false;
};

class TestCa {
  public:
    /// `ends_s`: from now.
    explicit TestCa(const std::string& common_name = "postern test CA", long ends_s = 3650L * 86400);
    Identity issue(const LeafOptions& options = {}) const;
    /// PEM of the CA, in a file that the destructor removes.
    const std::string& file() const { return file_; }
    ~TestCa();

  private:
    Identity self_;
    std::string file_;
};

/// The CA of most tests, made once.
TestCa& test_ca();

class Connection {
  public:
    /// `silent` is called when a script begins to wait and everything it sent is in the client's socket.
    Connection(int fd, int stop_fd, ssl_ctx_st* tls, std::function<void()> silent);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    bool handshake();
    /// Bytes of the record of the ClientHello, which stays there for handshake(); 0 if the client closed first.
    std::size_t hello_size();
    /// Head and body (by Content-Length) of the request; empty if the client closed first.
    std::string read_request();
    std::string read_some();  // waits for data through TLS; empty if the client closed
    void send(std::string_view plain);
    /// Raw bytes on the socket, without TLS.
    void send_raw(std::string_view bytes);
    std::string read_raw();  // waits for data
    void close_notify();
    void finish();         // FIN
    void reset();          // RST
    void wait_for_peer();  // until the client closes or the test ends
    void wait_for_stop();  // reads nothing until the test ends
    bool handshake_demanding_certificate();
    void no_tls_1_3();  // before the handshake
    /// Of the client's next record, after being asked to renegotiate, which TLS 1.2 has: 21 an alert, 22 a handshake. 0: none.
    int reply_to_hello_request();

  private:
    bool wait(short events);
    void now_silent();
    core::UniqueFd fd_;
    std::function<void()> silent_;
    int stop_fd_;
    ssl_st* ssl_ = nullptr;
};

class FakeGateway {
  public:
    using Script = std::function<void(Connection&)>;

    FakeGateway(Identity identity, Script script, const std::string& ip = "127.0.0.1");
    ~FakeGateway();

    std::uint16_t port() const { return port_; }
    int connections() const { return connections_; }
    /// The connection (from 1) whose script last began to wait; silence_fd() becomes readable with it.
    int silent_in() const { return silent_in_; }
    int silence_fd() const { return silence_.get(); }
    /// Called by scripts, read by tests.
    void note(std::string request);
    std::vector<std::string> requests() const;

  private:
    void serve();

    std::shared_ptr<ssl_ctx_st> tls_;
    Script script_;
    core::UniqueFd listener_, stop_read_, stop_write_, silence_;
    std::uint16_t port_ = 0;
    std::atomic<int> connections_{0}, silent_in_{0};
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    std::thread thread_;
};

/// "HTTP/1.1 200 OK", JSON, chunked - as taosAdapter answers.
std::string chunked_reply(std::string_view body, int status = 200,
                          std::string_view content_type = "application/json; charset=utf-8");
std::string length_reply(std::string_view body, int status = 200, std::string_view content_type = "application/json",
                         std::string_view more_headers = {});
inline constexpr std::string_view kSelectOne = R"({"code":0,"column_meta":[["1","BIGINT",8]],"data":[[1]],"rows":1})";

/// A complete exchange with this reply, then FIN.
FakeGateway::Script answer(std::string reply);

probe::ProbeSpec good_spec(std::uint16_t port);
/// Runs one attempt on a loop of its own, which must close without open handles; checks what is true of every result
/// (the phases add up, none follows the one that failed).
probe::ProbeResult run_probe(const probe::ProbeSpec& spec, const std::string& ip = "127.0.0.1");
/// The same on a clock that stands still until the gateway is silent in this connection and there is nothing left to
/// read: then the attempt's time is over at once. However slow the machine is, the timeout finds the same phase.
probe::ProbeResult run_probe_into_silence(const probe::ProbeSpec& spec, const FakeGateway& gateway, int connection = 1);

}  // namespace postern::test
