// SPDX-License-Identifier: Apache-2.0
#include "agent/config/token_store.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "core/file_system.h"
#include "core/log.h"
#include "core/text.h"

namespace postern::agent {
namespace {

constexpr std::size_t kMaxToken = 4096;
constexpr Micros kSettle = 50 * core::kMillisecond;  // editors write in several steps

bool same_source(const TokenSource& a, const TokenSource& b) {
    return a.file == b.file && a.env == b.env;
}

}  // namespace

core::Result<core::Secret> read_token(const TokenSource& source) {
    std::string text;
    const core::Wiped after(text);
    core::Message where;
    if (!source.file.empty()) {
        where = source.file;
        auto read = core::read_file(source.file, kMaxToken);
        if (!read) {
            core::Error error = read.error();
            error.hint = "put the TDengine Cloud token into this file, readable by postern's user";
            return core::fail(std::move(error));
        }
        text = std::move(*read);
    } else {
        where = core::message("environment variable {}", source.env);
        const char* value = std::getenv(source.env.c_str());
        if (value == nullptr)
            return core::fail(core::Code::kFileMissing, core::message("{} is not set", where),
                              "set it before postern starts");
        text = value;
        if (text.size() > kMaxToken)
            return core::fail(core::Code::kTooLarge, core::message("{} is larger than {} bytes", where, kMaxToken),
                              "it must hold the token alone");
    }
    const std::string_view word = core::trimmed(text);
    if (word.empty())
        return core::fail(core::Code::kConfigBadValue, core::message("{} is empty", where), "put the token into it");
    core::Secret token{std::string(word)};
    const bool printable =
        std::all_of(token.expose().begin(), token.expose().end(), [](char c) { return c > 0x20 && c < 0x7f; });
    if (!printable) {
        return core::fail(core::Code::kConfigBadValue,
                          core::message("{} holds more than one token, or characters no token has", where),
                          "it must hold the token alone, in one line");
    }
    return token;
}

TokenStore::TokenStore(core::Loop& loop, core::Clock& clock, std::function<void(const std::string&)> changed)
    : loop_(loop), clock_(clock), changed_(std::move(changed)), settle_(clock) {}

void TokenStore::configure(const Config& config) {
    std::map<std::string, Entry> next;
    for (const auto& link : config.links) {
        Entry entry;
        entry.source = link.token;
        const auto before = entries_.find(link.name);
        if (before != entries_.end() && same_source(before->second.source, link.token)) {
            entry.token = before->second.token;
        }
        load(link.name, entry, false);
        next.emplace(link.name, std::move(entry));
    }
    entries_ = std::move(next);
    watch_files();
}

void TokenStore::watch_files() {
    std::map<std::string, std::unique_ptr<core::FileWatch>> watched;
    for (const auto& [link, entry] : entries_) {
        const std::string& path = entry.source.file;
        if (path.empty() || watched.count(path) != 0) continue;
        auto& watch = watched[path];
        watch = std::make_unique<core::FileWatch>(loop_, clock_, path);
        watch->start([this] { settle_.start_in(kSettle, [this] { reload_all(); }); });
    }
    files_ = std::move(watched);
}

void TokenStore::reload_all() {
    for (auto& [link, entry] : entries_)
        load(link, entry, true);
}

void TokenStore::load(const std::string& link, Entry& entry, bool tell) {
    entry.read_mono_us = clock_.mono_us();
    core::Secret token;
    core::Message problem;
    if (entry.source.configured()) {
        auto read = read_token(entry.source);
        if (read) {
            token = std::move(*read);
        } else {
            problem = read.error().whole();
            token = entry.token;  // the last good one: a file that is being replaced is not a revoked token
        }
    }
    const bool same = token == entry.token && problem == entry.problem;
    entry.token = std::move(token);
    if (!problem.empty() && problem != entry.problem) core::log_warning("token_unreadable", problem, {{"link", link}});
    entry.problem = std::move(problem);
    if (!same && tell) {
        if (entry.problem.empty()) core::log_info("token_changed", "the token was read again", {{"link", link}});
        changed_(link);
    }
}

const core::Secret& TokenStore::token(const std::string& link) const {
    static const core::Secret kNone;
    const auto it = entries_.find(link);
    return it == entries_.end() ? kNone : it->second.token;
}

const core::Message& TokenStore::problem(const std::string& link) const {
    static const core::Message kNone;
    const auto it = entries_.find(link);
    return it == entries_.end() ? kNone : it->second.problem;
}

void TokenStore::reread(const std::string& link) {
    const auto it = entries_.find(link);
    if (it == entries_.end() || clock_.mono_us() - it->second.read_mono_us < core::kSecond) return;
    load(link, it->second, true);
}

}  // namespace postern::agent
