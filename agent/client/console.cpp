// SPDX-License-Identifier: Apache-2.0
#include "agent/client/console.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>

#include "agent/client/language.h"
#include "agent/config/last_good.h"
#include "agent/hostdns/upstreams.h"
#include "agent/net/environment.h"
#include "agent/text/charset.h"
#include "core/journal_priority.h"
#include "core/printable.h"
#include "core/secret.h"
#include "core/sleep.h"

namespace postern::agent {

namespace {

volatile std::sig_atomic_t got_signal = 0, got_hangup = 0;
int output_error = 0;  // errno of the first write that failed
void note_signal(int) {
    got_signal = 1;
}
void note_hangup(int) {
    got_hangup = 1;
}

void set_handler(int number, void (*handler)(int)) {
    struct sigaction action {};
    action.sa_handler = handler;
    ::sigaction(number, &action, nullptr);
}

}  // namespace

Interruptible::Interruptible(bool hangup_reloads) : hangup_reloads_(hangup_reloads) {
    got_signal = 0;
    got_hangup = 0;
    for (const int number : {SIGINT, SIGTERM})
        set_handler(number, &note_signal);
    if (hangup_reloads_) set_handler(SIGHUP, &note_hangup);
}
Interruptible::~Interruptible() {
    for (const int number : {SIGINT, SIGTERM})
        set_handler(number, SIG_DFL);
    if (hangup_reloads_) set_handler(SIGHUP, SIG_DFL);
}
bool Interruptible::reload_asked() const {
    return got_hangup != 0;
}
void Interruptible::forget_reload() {
    got_hangup = 0;
}
bool Interruptible::interrupted() const {
    return got_signal != 0;
}

bool Interruptible::sleep(core::Micros us) {
    // In slices: a signal just before the call must not wait for the whole time.
    for (core::Micros left = us; left > 0 && got_signal == 0; left -= 100 * core::kMillisecond) {
        core::sleep_for(std::min(left, 100 * core::kMillisecond));
    }
    return got_signal == 0;
}

namespace {

/// Text from outside has lost its escape sequences before (printable()); those that are left are our own colours.
std::string without_controls(std::string_view text) {
    return core::printable_lines(text, "\n\t\r\033");
}

void write_out(const std::string& shown) {
    errno = 0;
    const bool written = std::fwrite(shown.data(), 1, shown.size(), stdout) == shown.size() && std::fflush(stdout) == 0;
    if (!written && output_error == 0) output_error = errno == 0 ? EIO : errno;
}

std::string for_people(std::string_view text) {
    static const std::string kCharset = terminal_charset(process_environment());
    return in_charset(text, kCharset);
}

void write_note(std::string_view text) {
    const std::string shown = for_people(text);
    std::fflush(stdout);
    std::fwrite(shown.data(), 1, shown.size(), stderr);
}

}  // namespace

void print(std::string_view text) {
    write_out(for_people(without_controls(text)));
}

void print_data(std::string_view text) {
    write_out(without_controls(text));
}

void print_note(std::string_view text) {
    write_note(without_controls(text));
}

bool output_lost() {
    errno = 0;
    if (std::fflush(stdout) != 0 && output_error == 0) output_error = errno == 0 ? EIO : errno;
    if (output_error == 0 && std::ferror(stdout) != 0) output_error = EIO;
    if (output_error == 0 || output_error == EPIPE) return false;
    write_note(told(core::message("postern: the output could not be written: {}\n", std::strerror(output_error))));
    return true;
}

void complain(std::string_view command, const core::Message& what) {
    const std::string line = std::string(core::journal_priority(STDERR_FILENO, core::Level::kError)) +
                             core::printable_lines(core::redact(fmt::format("postern {}: {}\n", command, told(what))));
    write_note(line);
}

void complain(std::string_view command, const core::Error& error) {
    complain(command, error.whole());
}

std::optional<bool> ask(const std::string& question) {
    if (::isatty(STDIN_FILENO) != 1) return std::nullopt;
    print_note(question + " [y/N] ");
    std::string answer;
    // read(2), not a stream: a signal ends it.
    for (char c = 0; ::read(STDIN_FILENO, &c, 1) == 1 && c != '\n' && answer.size() < 16;)
        answer += c;
    return answer == "y" || answer == "Y" || answer == "yes";
}

void complain_about(const std::string& path, const std::vector<ConfigIssue>& mistakes) {
    std::string out;
    for (const ConfigIssue& issue : mistakes)
        out += core::printable_lines(told(format_issue(path, issue))) + "\n";
    write_note(out);
}

std::optional<Config> config_or_complain(std::string_view command, const std::string& path) {
    auto usable = load_usable_config(path);
    if (usable && usable->mistakes.empty()) return std::move(usable->config);
    complain_about(path, usable ? usable->mistakes : usable.error());
    if (!usable) return std::nullopt;
    complain(command, "uses its last good copy, as the agent does");
    return std::move(usable->config);
}

std::vector<core::SocketAddress> upstreams_of(const Config& config) {
    return find_upstreams(*HostSystem::real(), config).servers;
}

}  // namespace postern::agent
