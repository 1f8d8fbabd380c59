// SPDX-License-Identifier: Apache-2.0
// The tokens of the links, from file or environment; read again when the file changes or the gateway answers 401.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "agent/config/config.h"
#include "core/clock.h"
#include "core/file_watch.h"
#include "core/loop.h"
#include "core/message.h"
#include "core/secret.h"

namespace postern::agent {

/// The token, trimmed. Rejects an empty file, more than 4096 bytes, and anything but printable ASCII on one line.
core::Result<core::Secret> read_token(const TokenSource& source);

class TokenStore {
  public:
    /// changed(link) is called when a link's token, or the reason why there is none, changes.
    TokenStore(core::Loop& loop, core::Clock& clock, std::function<void(const std::string& link)> changed);

    void configure(const Config& config);
    const core::Secret& token(const std::string& link) const;
    /// "" or why the configured token could not be read, with the next step.
    const core::Message& problem(const std::string& link) const;
    /// Reads the link's source again, at most once a second (after a 401).
    void reread(const std::string& link);

  private:
    struct Entry {
        TokenSource source;
        core::Secret token;
        core::Message problem;
        Micros read_mono_us = 0;
    };
    void load(const std::string& link, Entry& entry, bool tell);
    void watch_files();
    void reload_all();

    core::Loop& loop_;
    core::Clock& clock_;
    std::function<void(const std::string&)> changed_;
    std::map<std::string, Entry> entries_;
    std::map<std::string, std::unique_ptr<core::FileWatch>> files_;  // by path
    core::Timer settle_;
};

}  // namespace postern::agent
